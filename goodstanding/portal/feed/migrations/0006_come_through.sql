-- That an erasure has come through, without a trace of who: a keyed hash of the user_id, and which request it was. A mark
-- of it that comes again takes nothing from whoever has come back; the row goes when no topic can hold such a mark.
create table come_through (
    shard      smallint not null,
    person     bytea not null,
    request_id text not null,
    until      timestamptz not null,
    primary key (shard, person, request_id)
);
