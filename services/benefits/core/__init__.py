"""The rules of tiers and benefits: pure, synchronous, and free of any framework. Which file answers which question:

decide      what does a score do to a person's tier and benefits?       the way in
table       what may a tier table say, and which tier does a score reach?
messages    what do the rules take in?
"""
