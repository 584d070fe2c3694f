-- Erasures of people, as long as something that is older may be on its way: of the person only a keyed hash is kept.
create table erasure (
    shard        smallint not null,
    person       bytea not null,
    request_id   text not null,
    asked_at     timestamptz not null,
    erased_at    timestamptz not null,
    -- When the last service of the flow said that it has erased the person too; then the receipt was made.
    confirmed_at timestamptz,
    -- When the broker is made to clean up next, and how many times it was.
    roll_at      timestamptz not null,
    rolls        smallint not null default 0,
    primary key (shard, person, request_id)
);
create index erasure_roll on erasure (shard, roll_at);
alter table erasure set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);

-- For operators: what is under way, and nobody's name.
create view erasures as
select shard, request_id, asked_at, erased_at, confirmed_at, rolls, roll_at from erasure;
