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
    forward     what does a shard without state do?
    shard       how does any shard begin again, stop, and tell its trouble?
    delivery    how is a message sent until it is acknowledged, or known to be impossible?
    sendable    what can never be sent?
    sender      how is a producer set up, and a batch handed to it?
    store       what is stored of a shard: epoch, offsets, outbox?
    claim_check what is compared before a shard begins?
    subscription, inputs, buffer    how do records get from Kafka to a shard?
    shards, stalls                  which shards are here, and is each of them alive?
    process, metrics, descriptors   how does a process start, tell its health, and drain?

The life of a shard as a picture: docs/runner.md. Why it is drawn so: decision 0012.
"""
