-- What is added to the versions of records where they are published: the versions that an older copy of the database knows
-- nothing of must not be used again (docs/decisions/0014). A shard without a row adds nothing.
create table version_base (
    shard smallint primary key,
    base  bigint not null
);
