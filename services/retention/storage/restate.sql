-- name: base
select base from version_base where shard = $1

-- name: raise_base
insert into version_base as old (shard, base) values ($1, $2)
on conflict (shard) do update set base = old.base + excluded.base
returning base

-- name: versions
select user_id, record_id, version from record
where shard = $1 and user_id = any($2::bytea[]) and status <> 'unreported'

-- name: gone
select record from fingerprint where shard = $1 and record = any($2::bytea[])

-- name: people
select distinct user_id from record where shard = $1 and user_id > $2 and status <> 'unreported' order by user_id limit $3
