"""Whether Kafka and what was noted of it tell one story: asked before a shard works, and now and then while it does.

An offset means something only in the log that it was read from. Each of these looks harmless, loses records or versions
in silence, and is found here before anything is read or sent (decision 0014):

- the topic was deleted and made again, or the whole cluster is another one: its ids differ;
- Kafka was restored from an older copy: it ends before the offset, or holds records below it that are newer than any
  that was handled;
- Postgres was restored from an older copy: our own topic holds messages that this database has never decided;
- two deployments share one consumer group: the offsets there were written down by another database.

Nothing is read or sent while such a contradiction stands. The operator's word names exactly that contradiction and is
kept with its time; what it leads to takes effect in one transaction under the shard's epoch, or in ingest with the next
commit of the offset. Which file answers which question:

    contradictions   what may be wrong, in words, and what does the operator's word do about it?   pure
    agreement        does what was noted contradict what Kafka says now?                           pure
    commit_note      what does a service without a database note, and where?                       pure
    questions        what is Kafka asked?
    claim_check      what is compared before and under a claim, and put right by the word?
    start_check      the same without a database
    operator_word    what waits for the operator's word, and which words were given?
"""
