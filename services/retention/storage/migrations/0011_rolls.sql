-- When the broker is made to clean up after records that are gone: at each of these instants a mark about nobody goes out.
create table roll (
    shard smallint not null,
    at    timestamptz not null,
    primary key (shard, at)
);
alter table roll set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100);

-- Of what was gone before this was known, something may still lie in a segment that nothing has closed.
insert into roll (shard, at) select shard, date_trunc('hour', now()) + interval '26 hours' from shard where steps > 0;
