"""The rules of tiers and benefits: pure, synchronous, and free of any framework. Which file answers which question:

decide      what do a score, and an instant that passes, do to a person's tier and benefits?       the way in
standing    what is kept of a person, and what does the person have from an instant on?
policy      which table is in force when, and when does a grace end?
table       what may a tier table say, and which tier does a score reach?
restating   what is said again when a server was restored?
messages    what do the rules take in?
"""
