"""The rules of ingest: pure and synchronous; files, clocks and Kafka are outside. Which file answers which question:

normalize       what does an event say, or why is it refused?              the way in
members         which events does a message have that has several?
judged          what becomes of an event?
proportion      is each event of a message answered, or the message as a whole?
plausibility    which times and days can be meant?
money           what is an amount worth in the base currency?
mapping, values     what may a partner's file say, of a format and of one value?
native          what does it say for a partner without a format of its own?
unsaid          what is told of a key that the file has and the language does not?
compiling       how does a file become functions?                          once for each content
blocks          how does one `[[events]]` block?
words           which words say what kind an event is?
fields, time_fields, paths      how does one key of it, and which paths does it read?
readers, number_readers, time_readers       how is one text, number or time read?
notation, patterns      in which notation are numbers and times written, and read?
tables          how do bytes become the cells of a line?
functions       what can a file not say, so that it names a function?
trying          can each value of the file be read at all?
partner         what is the result?                                        `normalize` uses it
tree            which fields may a body have?
context         what is the same for all partners of the deployment?
"""
