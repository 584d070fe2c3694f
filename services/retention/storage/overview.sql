-- name: exports
select user_id, request_id, year from export
where shard = $1 and user_id = any ($2::bytea[])
order by until, request_id

-- name: export
insert into export (shard, user_id, request_id, year, until)
select $1, rows.* from unnest($2::bytea[], $3::text[], $4::smallint[], $5::timestamptz[]) as rows
on conflict do nothing

-- name: people
select distinct user_id from record
where shard = $1 and user_id > $2 and status <> 'unreported' and user_id <> all ($4::bytea[])
order by user_id limit $3
