-- Everything that is kept of one person, in one row. `state` is written whole with every batch that touches the person.
create table person (
    shard           smallint not null,
    user_id         bytea not null check (length(user_id) = 32),
    state           bytea not null,
    version         bigint not null,
    evaluation      bytea not null,      -- empty before the first publication
    run             bigint,              -- the monthly run that last moved the standing
    standing        bigint,
    standing_before bigint,
    contacts        bigint,
    primary key (shard, user_id)
)
-- Room for the row's next version on its page keeps the update off the index. States of 2 to 3 kB stay in the row:
-- Postgres would otherwise try to compress, in vain, and then move out of line whatever is over 2 kB.
with (fillfactor = 80, toast_tuple_target = 4080);
alter table person alter column state set storage external;

-- Every publication, with its items: for the person, never sent.
create table score (
    shard      smallint not null,
    user_id    bytea not null,
    version    bigint not null,
    as_of      timestamptz not null,
    run        bigint,
    policy     text not null,
    evaluation bytea not null,
    primary key (shard, user_id, version)
);

-- Who is among whose contacts, by the latest event; an absent one is kept, so that an older event cannot bring it back.
create table contact (
    shard         smallint not null,
    user_id       bytea not null,
    contact       bytea not null check (length(contact) = 32),
    contact_shard smallint not null,
    present       boolean not null,
    time_us       bigint not null,
    event         bytea not null,
    primary key (shard, user_id, contact)
);
-- The other way: in whose contacts is a person?
create index contact_of on contact (contact_shard, contact);

-- One row for each monthly run, by whoever comes first; all others must have the same policy.
create table publication (
    number  bigint primary key,          -- year * 12 + month - 1
    instant timestamptz not null,
    policy  text not null
);

-- What the command line reads: each publication beside the one before it (services/scorer/core/explain.py).
create view explain as
select shard, user_id, version, as_of, run, policy, evaluation,
       lag(evaluation) over (partition by shard, user_id order by version) as evaluation_before
from score;
