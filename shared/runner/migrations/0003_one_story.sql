-- What makes an offset mean something (docs/decisions/0014): which Kafka it is of, how new what was handled was, and how
-- far our own topic is known to hold what this database has decided.
alter table shard
    add column cluster   text not null default '',
    add column topic_ids jsonb not null default '{}',
    add column newest    jsonb not null default '{}',
    add column sent      jsonb not null default '{}';

-- Which deployment this is, and the last time that its services' clock is known to have shown.
create table deployment (
    one       boolean primary key default true check (one),
    id        uuid not null default gen_random_uuid(),
    last_seen timestamptz
);
insert into deployment default values;

-- What stands between a shard and its work, as it last found it, for the operator's command.
create table contradiction (
    shard    smallint not null,
    token    text not null,
    sentence text not null,
    remedy   text not null,
    seen_at  timestamptz not null default clock_timestamp(),
    primary key (shard, token)
);

-- What the operator has decided, and when; and when it took effect.
create table operator_word (
    token      text primary key,
    sentence   text not null,
    remedy     text not null,
    given_at   timestamptz not null default clock_timestamp(),
    applied_at timestamptz
);
