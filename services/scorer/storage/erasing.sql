-- Which of these people were erased, and when it was asked for: nearly always there is nobody, and one look tells.
-- name: anybody
select exists (select from erased)

-- name: guards
select person, asked_at, request_id from erased where person = any ($1::bytea[])

-- Whoever writes an edge to one of these people waits here for an erasure to end, and an erasure for those who write.
-- Every transaction takes these locks in ascending order, and an erasure waits for nothing afterwards.
-- name: lock_edges
select pg_advisory_xact_lock_shared($1, bucket) from unnest($2::integer[]) as bucket

-- name: lock_erasures
select pg_advisory_xact_lock($1, bucket) from unnest($2::integer[]) as bucket

-- Edges both ways, also those in rows of other shards. What the owner of one is just writing is not waited for, since the
-- owner may wait for us: the step fails and is tried again.
-- name: lock_contacts
select 1 from contact
where (shard = $1 and user_id = any ($2::bytea[])) or (contact_shard = $1 and contact = any ($2::bytea[]))
order by shard, user_id, contact
for update nowait

-- name: erase_contacts
delete from contact
where (shard = $1 and user_id = any ($2::bytea[])) or (contact_shard = $1 and contact = any ($2::bytea[]))

-- name: erase_person
delete from person where shard = $1 and user_id = any ($2::bytea[])

-- name: erase_scores
delete from score where shard = $1 and user_id = any ($2::bytea[])

-- name: erase_consents
delete from consent where shard = $1 and user_id = any ($2::bytea[])

-- name: guard
insert into erased as known (shard, person, asked_at, request_id, until)
select $1, rows.* from unnest($2::bytea[], $3::timestamptz[], $4::text[], $5::timestamptz[]) as rows
on conflict (shard, person) do update set
    asked_at = excluded.asked_at, request_id = excluded.request_id, until = excluded.until
where known.asked_at <= excluded.asked_at

-- name: forget_guards
delete from erased where shard = $1 and until <= $2::timestamptz
