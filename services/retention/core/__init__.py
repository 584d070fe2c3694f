"""The rules of negative records: pure, synchronous, and free of any framework. Which file answers which question:

decide          what do a person's messages lead to?                the way in
reports         what does a provider's report or settlement do to one record?
settlements     when has a record ended, and what waits for a record?
answers         what does its answer to a dispute do, or its correction?
disputes        what do the person's requests do?
timers          what does the clock do?
record          in which states can a record be?
effects         what can a step come to?
deadline        on which day does it lapse, and by which must a dispute be answered?
person          by which names is a record found, and is there room for another?
bounds          how much is kept of one person?
fingerprint     how is a record called, and known again once it is gone?
overview        what is a person told of all that is held, on request and once a year?
words           what is the person told?
erasure         how is a person erased, from the request to the receipt?
messages        what do the rules take in?
"""
