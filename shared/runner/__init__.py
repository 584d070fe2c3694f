"""The runner: the one loop under all four services. Which file answers which question:

    service     what does a service hand over, and what must `load`, `save` and `due` do, return and raise?
    answers     what does a service say of a record: messages, outcomes, dead letters?
    agenda      what does a shard do next, and why?                                       pure
    portion     how many are tried at once after a failure?                               pure
    step        what does a batch lead to?                                                pure, but for giving way
    blame       whose fault is a failure: the records', or a server's?                    pure
    fenced      how is a shard claimed, and how is it lost?                               the life of a shard
    working     what does a shard with state do all day?
    owned       what is in one transaction, and why is that enough?
    states      which people's states are in memory?
    forward     what does a shard without state do?
    shard       how does any shard begin again, stop, and tell its trouble?
    delivery    how is a message sent until it is acknowledged, or known to be impossible?
    sendable    what can never be sent?
    sender      how is a producer set up, and a batch handed to it?
    store       what is stored of a shard: epoch, offsets, outbox?
    operator_word    what waits for the operator's word?
    agreement, contradictions       do Kafka and what was noted tell one story, and what may be wrong?   pure
    claim_check, start_check        what is compared before a shard begins, with a database and without?
    questions, commit_note          what is Kafka asked for that, and what stands beside an offset?
    own_topic                       what does a service tell of the topic that it alone writes?
    subscription, inputs, buffer    how do records get from Kafka to a shard?
    shards, lag                     which shards are here, and how far is each behind?
    start                           what does a process read first, and how does it end if that cannot be used?
    process, host                   how does a process start and drain, and what does a shard need from it?
    health, observe, metrics        what does a process say of itself, and how does that stay true?
    timekeeper, descriptors         is the clock to be trusted, and are there file descriptors left?

The life of a shard as a picture: docs/runner.md. Why it is drawn so: decision 0012.
"""
