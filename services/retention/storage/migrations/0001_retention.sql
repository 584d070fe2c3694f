-- Negative records as long as they live, one row each. A record that has lapsed is deleted.
create table record (
    shard     smallint not null,
    user_id   bytea not null,
    record_id bytea not null,
    partner   text not null,
    report_id text not null,
    status    text not null check (status in ('unreported', 'open', 'settled')),
    version   integer not null,
    kind      text,
    began_on  date,
    amount    bigint,
    ended_on  date,
    -- When the record lapses; null while the bad behavior goes on.
    due_at    timestamptz,
    -- Settlements that came before the report, as JSON.
    waiting   text,
    primary key (shard, user_id, record_id),
    check ((status = 'unreported') = (waiting is not null)),
    check ((status = 'unreported') = (kind is null)),
    check ((kind is null) = (began_on is null)),
    check (status <> 'settled' or ended_on is not null),
    check (status = 'unreported' or (ended_on is null) = (due_at is null)),
    check (status <> 'unreported' or due_at is not null)
);

-- What a tick reads: it costs the same however many records there are that are not due. Without the user_id the pages
-- of a sweep would have to look into the table.
create index record_due on record (shard, due_at, user_id) where due_at is not null;

-- That a record has been, without a trace of whose: keyed hashes of the user_id and of the record's id.
create table fingerprint (
    shard  smallint not null,
    person bytea not null,
    record bytea not null,
    primary key (shard, person, record)
);

-- For people and tools: the reported records of a person by (shard, user_id), the shard being the person's partition.
create view current as
select shard, user_id, encode(record_id, 'hex') as record_id, version, kind, status, began_on, amount, ended_on,
    due_at as lapses_at, partner, report_id
from record where status <> 'unreported';
