-- name: versions
select user_id, version from person where shard = $1 and user_id = any($2::bytea[])

-- name: page
select user_id from person where shard = $1 and user_id > $2 order by user_id limit $3

-- name: erase_again
delete from person using unnest($2::bytea[], $3::timestamptz[]) as erased (user_id, asked_at)
where person.shard = $1 and person.user_id = erased.user_id and person.as_of <= erased.asked_at
