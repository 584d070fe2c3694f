-- Tiers that are kept for a while below their score, and tables that begin on a day.
alter table person
    add column falling text[] not null default '{}',
    add column falling_until timestamptz[] not null default '{}',
    add column falls_at timestamptz,
    add column falls_to text,
    add column table_from date not null default '0001-01-01';

-- Whose grace ends next, and who does not stand by the table in force yet.
create index person_falls_at on person (shard, falls_at, user_id) where falls_at is not null;
create index person_table_from on person (shard, table_from, user_id);

-- The tables with a day that have begun: the first process to apply one decides what it says.
create table table_begun (
    effective_on date primary key,
    policy       text not null
);

create or replace view current as
select shard, user_id, version, tier, in_force, restrictions, score, thin, score_version, as_of, falls_at, falls_to
from person;
