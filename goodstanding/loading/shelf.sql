-- name: schema
create table if not exists file (
    id      integer primary key,
    partner text not null,
    digest  blob not null,
    -- The mapping and the days by which it was read.
    read_by blob not null,
    name    text not null,
    head    blob not null default '',
    -- How many events it has, and how many of those are passed over; null until it is read to its end.
    events  integer,
    skipped integer,
    outside integer,
    unique (partner, digest)
);
-- What is still to be sent, in the order in which it is.
create table if not exists piece (
    month     integer not null,
    file      integer not null references file on delete cascade,
    shard     integer not null,
    -- The number of the first piece of the file that is alike, with which this one goes in one message; else its own.
    place     integer not null,
    number    integer not null,
    count     integer not null,
    value     blob not null,
    alike     blob not null,
    primary key (month, file, shard, place, number)
) without rowid;
-- The first piece of each kind of alike ones, of the file that is read now.
create table if not exists first_alike (
    file   integer not null references file on delete cascade,
    alike  blob not null,
    number integer not null,
    primary key (file, alike)
) without rowid;
create table if not exists refusal (
    file     integer not null references file on delete cascade,
    number   integer not null,
    code     text not null,
    field    text not null,
    sentence text not null,
    primary key (file, number)
) without rowid;
-- The months that were sent and taken.
create table if not exists taken (month integer primary key);
-- How far each partner's refusals were read.
create table if not exists heard (topic text not null, shard integer not null, offset integer not null, primary key (topic, shard))
    without rowid;
