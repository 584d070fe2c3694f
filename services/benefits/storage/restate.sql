-- name: versions
select user_id, version from person where shard = $1 and user_id = any($2::bytea[])

-- name: page
select user_id from person where shard = $1 and user_id > $2 order by user_id limit $3
