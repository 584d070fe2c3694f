-- The free reports that a person has had, as long as they count.
create table export (
    shard      smallint not null,
    user_id    bytea not null,
    request_id text not null,
    year       smallint not null,
    until      timestamptz not null,
    primary key (shard, user_id, request_id)
);
create index export_until on export (shard, until);
