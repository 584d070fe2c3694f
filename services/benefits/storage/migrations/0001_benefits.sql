-- Where each person stands: the last score, the tier that it led to, and what is in force.
create table person (
    shard         smallint not null,
    user_id       bytea not null check (length(user_id) = 32),
    score_version bigint not null,
    score         smallint not null,
    thin          boolean not null,
    as_of         timestamptz not null,
    version       bigint not null,
    tier          text,
    kept          text,
    in_force      text[] not null,
    restrictions  text[] not null,
    primary key (shard, user_id)
);

-- For people and tools: one row by (shard, user_id), the shard being the person's partition.
create view current as
select shard, user_id, version, tier, in_force, restrictions, score, thin, score_version, as_of from person;
