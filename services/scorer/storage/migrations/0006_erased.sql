-- That a person was erased, without a trace of who: a keyed hash of the user_id, and the instant at which it was asked for.
-- What arrived before that instant is dropped; the row goes when no topic can hold such a message any more.
create table erased (
    shard    smallint not null,
    person   bytea not null,
    asked_at timestamptz not null,
    until    timestamptz not null,
    primary key (shard, person)
);
-- Another shard's people may have been contacts of this one.
create index erased_person on erased (person);

-- For tools: with whom a person is in contact, by either side's word, without saying with whom.
create view contacts as
select shard, user_id, count(*) filter (where present) as present, count(*) as known
from contact group by shard, user_id
union all
select contact_shard, contact, 0, 0 from contact group by contact_shard, contact;
