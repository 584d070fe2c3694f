-- What the runner keeps for each shard: who owns it, how far it has read, how far its timers have run.
create table shard (
    shard      smallint primary key,
    epoch      bigint not null default 0,
    offsets    jsonb not null default '{}',
    cursor     text not null default '',
    run        text,
    barrier    jsonb not null default '{}',
    settled_at timestamptz
);

insert into shard (shard) select generate_series(0, 5);

-- Messages decided and not yet known to be sent; one row holds all of one step, encoded, in order.
create table outbox (
    shard      smallint not null references shard,
    seq        bigint generated always as identity,
    created_at timestamptz not null default clock_timestamp(),
    messages   bytea not null,
    primary key (shard, seq)
);
