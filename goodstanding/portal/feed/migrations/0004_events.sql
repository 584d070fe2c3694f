-- Events that partners sent here, and refusals of events however they were sent, for as long as a refusal lies on its topic.
-- Of the event's id only a keyed hash is kept, and nothing that says whom it is about.
create table event (
    partner       text not null,
    raw_partition smallint not null,
    raw_offset    bigint not null,
    -- Which of a message's events it is, counted from 0.
    member        integer not null,
    event         bytea not null check (length(event) = 32),
    at            timestamptz not null,
    code          text,
    field         text,
    sentence      text,
    primary key (partner, raw_partition, raw_offset, member)
);
create index event_of on event (partner, event, at);
create index event_at on event (at);

-- Up to where the refusals of a partner were read.
create table refusals_read (
    partner     text primary key,
    next_offset bigint not null
);
