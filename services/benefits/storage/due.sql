-- name: begun
select max(effective_on) from table_begun

-- name: begin
insert into table_begun (effective_on, policy) values ($1, $2) on conflict (effective_on) do nothing

-- name: begun_with
select policy from table_begun where effective_on = $1

-- One more than the page holds, to know whether it is the last.
-- name: by_older_tables
select user_id from person
where shard = $1 and table_from < $2 and user_id <> all ($3::bytea[])
order by table_from, user_id limit $4

-- The people of one instant, the earliest one.
-- name: falling
select user_id, falls_at from person
where shard = $1 and user_id <> all ($2::bytea[]) and falls_at = (
    select min(falls_at) from person where shard = $1 and falls_at <= $3 and user_id <> all ($2::bytea[])
)
order by user_id limit $4

-- name: next_fall
select min(falls_at) from person where shard = $1 and falls_at is not null and user_id <> all ($2::bytea[])
