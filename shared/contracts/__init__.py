"""The contracts of the topics. Everything here is pure, so that the cores of the services may import it; `published`
writes files and asks git, and is not for them. Which file answers which question:

    topics          which topics are there: key, partitions, retention, owner, readers?
    rights          who may write, read and join what on Kafka?
    messages        what may the body of a message contain?
    subject         what may a person ask, and what is a person told?
    explained       what is only the portal told?
    fields          what may a field of a message hold?
    kinds           which kinds of behavior and of records are there?
    checks          which fields does a kind, or a request, ask for, beyond their types?
    erasure         how does one service tell the next that a person is erased?
    own_kinds       what may a deployment add to the taxonomy?
    own_text        what may a person's own words hold?
    envelope, cloudevents       how is an event put into a Kafka record, and read?
    exchange        how do services receive from each other, announce, and refuse?
    dead_letters    what lies on a topic of dead letters?
    redriven        when had a record arrived that was appended once more?
    identity, identifier_schemes, partition     who is a person, and in which partition?
    crosswalk       how is a partner's own customer number turned into a person?
    strict_json, texts, unassigned, times, zones, months, currencies       how is each read strictly?
    demographics    what is never taken?
    policy_parts, retention_profile     what have policy files in common, and what does a retention profile say?

Four files are about what is refused:

    faults          which codes are there, and what is one fault?
    body_faults     what pydantic finds wrong with a body, as a fault
    envelope_faults     what is wrong with an envelope, as a fault
    refusals        how is a partner told of a fault: the headers of `behavior.rejected.<partner>`
"""
