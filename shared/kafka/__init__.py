"""Plumbing around the Kafka client, used by services, commands and tests. Which file answers which question:

Reading:

    consumer      how does a consumer lose no record, and what keeps it from reading?
    fetches       what did a fetch bring of one partition?
    batch         where is what in the bytes of a batch?                                    pure
    codecs        how is a batch unpacked within a bound?                                   pure
    records       which records does a batch have, and what stands for those that it lost?
    unreadable    what does a shard get in the place of records that nobody can read?       pure
    losses        which records has Kafka deleted before they were read?
    halts         which partitions does Kafka let nobody read, and when are they asked again?
    rests         when does a service fetch again?
    between       which records lie between two offsets, beside any consumer group?
    last_messages     what does a topic say last of everybody, when that is too much for memory?

Sending, and the clients:

    connection    how does a program reach Kafka, and as which user?                        pure
    clients       who makes clients, and what if a secret is renewed or refused?
    library       how is one name exchanged in a function of the client library?
    sender        how is a producer fenced, and how are messages appended?
    sendable      what can never be sent?
    topic_admin   which topics are missing or different, and how are they created?
    acls          who has which rights and passwords, and how are they granted?

Asking:

    identities    which cluster is this, and which topics?
    committed     what has a group committed, for certain?
    groups        who is in a group?
    batch_times   how new is a log at an offset?

Values:

    schemas       what does a value in the wire format of schema registries say?
    avro          what do data in Avro say, by their schema?
    protobuf      what does a Protobuf message say, by the text of its schema?
    value_bounds  how much may such data become?                                            pure
    crosswalk     to whom does a partner's own customer number belong?
    crosswalk_table   where are all entries kept, and which of several holds?
"""
