-- name: anybody
select exists (select from erasure where shard = $1) as erased, exists (select from export where shard = $1) as exported

-- name: load
select person, request_id, asked_at, confirmed_at from erasure
where shard = $1 and person = any ($2::bytea[])
order by asked_at, request_id

-- name: erase_records
delete from record where shard = $1 and user_id = any ($2::bytea[])

-- name: erase_fingerprints
delete from fingerprint where shard = $1 and person = any ($2::bytea[])

-- name: erase_exports
delete from export where shard = $1 and user_id = any ($2::bytea[])

-- name: begin
insert into erasure (shard, person, request_id, asked_at, erased_at, roll_at)
select $1, rows.* from unnest($2::bytea[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[]) as rows
on conflict do nothing

-- name: confirm
update erasure set confirmed_at = rows.at
from unnest($2::bytea[], $3::text[], $4::timestamptz[]) as rows (person, request_id, at)
where erasure.shard = $1 and erasure.person = rows.person and erasure.request_id = rows.request_id

-- Of several marks after records that are due by $2, the last one does what they all do.
-- name: next
select least(
        (select min(roll_at) from erasure where shard = $1),
        coalesce((select max(at) from roll where shard = $1 and at <= $2), (select min(at) from roll where shard = $1))
    ) as roll_at,
    least((select min(until) from fingerprint where shard = $1), (select min(until) from export where shard = $1)) as forget_at

-- name: roll
insert into roll (shard, at) select $1, at from unnest($2::timestamptz[]) as at
on conflict do nothing

-- name: rolled_of_records
delete from roll where shard = $1 and at <= $2

-- The next one after $2; who has had them all goes, unless nobody has confirmed yet, which has to be seen.
-- name: rolled
update erasure set rolls = rolls + 1,
    roll_at = coalesce(erased_at + ($3::interval[])[rolls + 2], $2::timestamptz + interval '1 day')
where shard = $1 and (person, request_id) in (
    select person, request_id from erasure
    where shard = $1 and roll_at <= $2::timestamptz order by roll_at limit $4
)

-- name: forget
delete from erasure
where shard = $1 and rolls >= cardinality($2::interval[]) and confirmed_at is not null

-- name: forget_fingerprints
delete from fingerprint where shard = $1 and (person, record) in (
    select person, record from fingerprint where shard = $1 and until <= $2 order by until limit $3
)

-- name: forget_exports
delete from export where shard = $1 and (user_id, request_id) in (
    select user_id, request_id from export where shard = $1 and until <= $2 order by until limit $3
)

-- name: census
select count(*) filter (where confirmed_at is null) as pending,
    count(*) filter (where confirmed_at is null and erased_at < now() - $1::interval) as overdue
from erasure
