"""The runner: the one loop under all four services. Which file answers which question:

    service     what does a service hand over, and what must each of its functions do, return and raise?
    answers     what does a service say of a record: messages, outcomes, dead letters?

The work of a shard:

    agenda      what does a shard do next, and why?                                       pure
    pace        how many records does a step take?                                        pure
    portion     how many are tried at once after a failure?                               pure
    step        what does a batch lead to?                                                pure, but for giving way
    turn        how long may a shard hold the event loop?
    blame       whose fault is a failure: the records', or a server's?                    pure
    stateful    how is a shard claimed, and how is it lost?                               the life of a shard
    working     what does a shard with state do all day?
    owned       what is in one transaction, and why is that enough?
    states      which people's states are in memory?
    forward     what does a shard without state do?
    shard       how does any shard begin again, stop, and tell its trouble?
    delivery    how is a message sent until it is acknowledged, or known to be impossible?
    store       what is stored of a shard: epoch, offsets, outbox?
    one_story/  do Kafka and what was noted of it agree, and what if they do not?

The process that it lives in:

    process, host                   how does a process start and drain, and what does a shard need from it?
    subscription, inputs, buffer    how do records get from Kafka to a shard?
    shards, lag                     which shards are here, and how far is each of their partitions behind?
    health, observe, metrics        what does a process say of itself, and how does that stay true?
    listener, connections           who answers when no file descriptor is left, and who may keep one for how long?
    shard_troubles                  how are the same troubles of several shards told together?   pure
    traces                          by which spans can one event be followed through all services?
    timekeeper                      is the clock to be trusted?
    past                            may a process with this clock work on this database?

How producers are set up, and what can never be sent: `shared/kafka/sender.py`, `sendable.py`. The life of a shard as a
picture: docs/runner.md. Why it is drawn so, and why it is as large as it is: decision 0012.
"""
