-- The people, and whether anybody was erased lately; at least one row, of nobody where none of them is known.
-- name: load
select anybody.erased, user_id, score_version, score, thin, as_of, version, tier, kept, in_force, restrictions,
    falling, falling_until, falls_at, falls_to, table_from
from (select exists (select from erased where shard = $1) as erased) as anybody
left join person on shard = $1 and user_id = any ($2::bytea[])

-- name: save
-- Codes have no control characters, so that a line break can stand between them: unnest knows no lists of lists.
insert into person
    (shard, user_id, score_version, score, thin, as_of, version, tier, kept, in_force, restrictions,
    falling, falling_until, falls_at, falls_to, table_from)
select $1, user_id, score_version, score, thin, as_of, version, tier, kept,
    string_to_array(in_force, E'\n'), string_to_array(restrictions, E'\n'),
    string_to_array(falling, E'\n'), string_to_array(falling_until, E'\n')::timestamptz[],
    falls_at, falls_to, table_from
from unnest(
    $2::bytea[], $3::bigint[], $4::smallint[], $5::boolean[], $6::timestamptz[], $7::bigint[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::text[],
    $16::date[]
) as given (user_id, score_version, score, thin, as_of, version, tier, kept, in_force, restrictions,
    falling, falling_until, falls_at, falls_to, table_from)
on conflict (shard, user_id) do update set
    score_version = excluded.score_version, score = excluded.score, thin = excluded.thin, as_of = excluded.as_of,
    version = excluded.version, tier = excluded.tier, kept = excluded.kept,
    in_force = excluded.in_force, restrictions = excluded.restrictions,
    falling = excluded.falling, falling_until = excluded.falling_until, falls_at = excluded.falls_at,
    falls_to = excluded.falls_to, table_from = excluded.table_from

-- name: erase
delete from person where shard = $1 and user_id = any($2::bytea[])

-- name: anybody
select exists (select from erased where shard = $1)

-- name: guards
select person, asked_at, request_id from erased where shard = $1 and person = any ($2::bytea[])

-- name: guard
insert into erased as known (shard, person, asked_at, request_id, until)
select $1, rows.* from unnest($2::bytea[], $3::timestamptz[], $4::text[], $5::timestamptz[]) as rows
on conflict (shard, person) do update set
    asked_at = excluded.asked_at, request_id = excluded.request_id, until = excluded.until
where known.asked_at <= excluded.asked_at

-- name: forget_guards
delete from erased where shard = $1 and until <= $2::timestamptz

-- Everybody by tier, by band of a hundred points from 350 on (the last one ends with 950), and by whether thin.
-- name: census
select 'tier' as by, coalesce(tier, 'none') as value, count(*) as people from person group by tier
union all
select 'band', (350 + 100 * band) || '-' || case band when 5 then 950 else 449 + 100 * band end, count(*)
from (select least((score - 350) / 100, 5) as band from person) as scored group by band
union all
select 'file', case when thin then 'thin' else 'full' end, count(*) from person group by thin
