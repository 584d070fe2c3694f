-- name: load
select user_id, record_id, partner, report_id, status, version, kind, began_on, amount, ended_on, due_at, waiting,
    overtaken, amount_at, lapses_at, beside
from record
where shard = $1 and user_id = any($2::bytea[])

-- name: load_gone
select person, record, until, partner from fingerprint
where shard = $1 and person = any($2::bytea[])

-- name: erase
delete from record using unnest($2::bytea[], $3::bytea[]) as given (user_id, record_id)
where record.shard = $1 and record.user_id = given.user_id and record.record_id = given.record_id

-- name: save
insert into record
    (shard, user_id, record_id, partner, report_id, status, version, kind, began_on, amount, ended_on, due_at, waiting,
    overtaken, amount_at, lapses_at, beside)
select $1, given.* from unnest(
    $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[], $9::date[], $10::bigint[],
    $11::date[], $12::timestamptz[], $13::text[], $14::text[], $15::timestamptz[], $16::timestamptz[], $17::text[]
) as given
on conflict (shard, user_id, record_id) do update set
    status = excluded.status, version = excluded.version, kind = excluded.kind, began_on = excluded.began_on,
    amount = excluded.amount, ended_on = excluded.ended_on, due_at = excluded.due_at, waiting = excluded.waiting,
    overtaken = excluded.overtaken, amount_at = excluded.amount_at, lapses_at = excluded.lapses_at,
    beside = excluded.beside

-- name: save_gone
insert into fingerprint as known (shard, person, record, until, partner)
select $1, given.* from unnest($2::bytea[], $3::bytea[], $4::timestamptz[], $5::bytea[]) as given
on conflict (shard, person, record) do update set
    until = greatest(known.until, excluded.until), partner = coalesce(excluded.partner, known.partner)

-- name: next_due
select due_at from record
where shard = $1 and due_at is not null and user_id <> all ($2::bytea[])
order by due_at limit 1

-- name: due
select distinct user_id from record
where shard = $1 and due_at = $2 and user_id <> all ($4::bytea[])
order by user_id limit $3

-- name: base
select base from version_base where shard = $1
