-- That a person was erased, without a trace of who: a keyed hash of the user_id, and which request it was. What is about
-- the life before is dropped; the row goes when no topic can hold such a message any more.
create table erased (
    shard      smallint not null,
    person     bytea not null,
    asked_at   timestamptz not null,
    request_id text not null,
    until      timestamptz not null,
    primary key (shard, person)
);
