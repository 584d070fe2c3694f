-- Until when a fingerprint is kept. What was left by records that lapsed before this was known is kept as long as any.
alter table fingerprint add column until timestamptz not null default now() + interval '101 days';
alter table fingerprint alter column until drop default;
create index fingerprint_until on fingerprint (shard, until);
alter table fingerprint set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
