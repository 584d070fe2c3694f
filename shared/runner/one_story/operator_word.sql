-- name: words
select token from operator_word where token = any($1::text[])

-- name: mark_applied
update operator_word set applied_at = clock_timestamp() where token = any($1::text[]) and applied_at is null

-- name: report
with gone as (
    delete from contradiction where shard = $1 and token <> all($2::text[])
)
insert into contradiction (shard, token, sentence, remedy)
select $1, told.* from unnest($2::text[], $3::text[], $4::text[]) as told
on conflict (shard, token) do update set sentence = excluded.sentence, remedy = excluded.remedy, seen_at = clock_timestamp()

-- name: without_word
select shard, token, sentence, remedy, seen_at from contradiction
where token not in (select token from operator_word) order by shard, token

-- name: not_applied
select exists (select from contradiction join operator_word using (token) where shard >= 0 and applied_at is null)

-- name: give_word
insert into operator_word (token, sentence, remedy) select $1, $2, $3 on conflict (token) do nothing
