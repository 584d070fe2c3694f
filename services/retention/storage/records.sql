-- name: load
select user_id, record_id, partner, report_id, status, version, kind, began_on, amount, ended_on, due_at, waiting,
    overtaken
from record
where shard = $1 and user_id = any($2::bytea[])

-- name: load_gone
select person, record from fingerprint
where shard = $1 and person = any($2::bytea[])

-- name: erase
-- The people's records that are not among those that they still have, each named by both ids in one: such a list is
-- hashed, where a join with two lists would compare each record with each.
delete from record
where shard = $1 and user_id = any($2::bytea[]) and (user_id || record_id) <> all($3::bytea[])

-- name: save
insert into record as old
    (shard, user_id, record_id, partner, report_id, status, version, kind, began_on, amount, ended_on, due_at, waiting,
    overtaken)
select $1, given.* from unnest(
    $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::date[], $10::bigint[],
    $11::date[], $12::timestamptz[], $13::text[], $14::text[]
) as given
on conflict (shard, user_id, record_id) do update set
    status = excluded.status, version = excluded.version, kind = excluded.kind, began_on = excluded.began_on,
    amount = excluded.amount, ended_on = excluded.ended_on, due_at = excluded.due_at, waiting = excluded.waiting,
    overtaken = excluded.overtaken
-- Each step of a reported record has a version of its own; a waiting settlement has none.
where (old.version, old.waiting) is distinct from (excluded.version, excluded.waiting)

-- name: save_gone
insert into fingerprint (shard, person, record)
select $1, given.* from unnest($2::bytea[], $3::bytea[]) as given
on conflict do nothing

-- name: next_due
select due_at from record where shard = $1 and due_at is not null order by due_at limit 1

-- name: due
select distinct user_id from record where shard = $1 and due_at = $2 order by user_id limit $3
