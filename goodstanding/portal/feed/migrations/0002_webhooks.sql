-- Where a subscriber is told. The secrets sign, so they are kept as they are; the one before is valid until a time.
create table webhook (
    id            text primary key,
    subscriber    text not null,
    url           text not null,
    secret        text not null,
    secret_before text,
    before_until  timestamptz,
    made_at       timestamptz not null,
    ended_at      timestamptz
);

-- What is to be told, and what was, for as long as it may be asked for again. `at` is when it was said.
create table delivery (
    seq        bigint generated always as identity,
    webhook    text not null references webhook (id) on delete cascade,
    shard      smallint not null,
    user_id    bytea not null,
    message    text not null,
    body       bytea not null,
    at         timestamptz not null,
    state      text not null default 'waiting' check (state in ('waiting', 'done', 'dead')),
    attempts   integer not null default 0,
    next_at    timestamptz not null,
    give_up_at timestamptz not null,
    failed     text,
    primary key (webhook, message)
);
create index delivery_waiting on delivery (webhook, shard, user_id, seq) where state = 'waiting';
create index delivery_next on delivery (next_at) where state = 'waiting';
create index delivery_of on delivery (shard, user_id);
