-- How many steps were committed. An epoch tells two owners apart, and not two copies of this database: one that was put
-- back under a running service has the epoch of that service and fewer steps.
alter table shard add column steps bigint not null default 0;
