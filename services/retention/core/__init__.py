"""The rules of negative records: pure, synchronous, and free of any framework. Which file answers which question:

decide          what do a person's messages lead to?                the way in
steps           what does a report, or the clock, do to one record?
record          in which states can a record be, and what can a step come to?
deadline        on which day does it lapse?
bounds          how much is kept of one person?
fingerprint     how is a record called, and known again once it is gone?
messages        what do the rules take in?
"""
