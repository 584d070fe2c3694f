-- name: endings
select user_id, request_id, parts from ending where shard = $1 and user_id = any ($2::bytea[])

-- name: forget_endings
delete from ending where shard = $1 and (user_id = any ($2::bytea[]) or asked_at < $3)

-- name: save_endings
insert into ending (shard, user_id, request_id, asked_at, parts)
select $1, user_id, request_id, asked_at, string_to_array(parts, ' ')
from unnest($2::bytea[], $3::text[], $4::timestamptz[], $5::text[]) as rows (user_id, request_id, asked_at, parts)

-- name: anybody
select exists (select from come_through where shard = $1)

-- name: come_through
select person, array_agg(request_id) as requests from come_through where shard = $1 and person = any ($2::bytea[])
group by person

-- name: remember
insert into come_through (shard, person, request_id, until)
select $1, rows.* from unnest($2::bytea[], $3::text[], $4::timestamptz[]) as rows
on conflict (shard, person, request_id) do update set until = greatest(come_through.until, excluded.until)

-- name: save_receipts
update come_through set receipt = rows.receipt
from unnest($2::bytea[], $3::text[], $4::bytea[]) as rows (person, request_id, receipt)
where come_through.shard = $1 and come_through.person = rows.person and come_through.request_id = rows.request_id

-- name: forget
delete from come_through where shard = $1 and until <= $2::timestamptz

-- name: end_score
with gone as (delete from score where shard = $1 and user_id = any ($2::bytea[]))
update person set version = null, as_of = null, run = null, policy = null, score = null, evaluation = null, state = null,
    contacts = null, influence = null, stability = null, edition = default
where shard = $1 and user_id = any ($2::bytea[])

-- name: end_records
update person set records = null, edition = default where shard = $1 and user_id = any ($2::bytea[])

-- name: end_tier
update person set tier = null, edition = default where shard = $1 and user_id = any ($2::bytea[])

-- name: end_answers
with gone as (delete from told where shard = $1 and user_id = any ($2::bytea[]))
delete from consent where shard = $1 and user_id = any ($2::bytea[])

-- name: end_permissions
delete from permission where shard = $1 and user_id = any ($2::bytea[])

-- name: end_ledger
with gone as (delete from asked where shard = $1 and user_id = any ($2::bytea[]))
delete from look where shard = $1 and user_id = any ($2::bytea[])

-- name: drop_blank
delete from person
where shard = $1 and user_id = any ($2::bytea[]) and version is null and records is null and tier is null

-- name: save_explained
insert into person (
    shard, user_id, version, as_of, run, policy, score, evaluation, state, contacts, influence, stability
)
select $1, rows.*
from unnest(
    $2::bytea[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::text[], $7::smallint[], $8::bytea[], $9::bytea[],
    $10::bigint[], $11::bigint[], $12::bigint[]
) as rows
on conflict (shard, user_id) do update set
    version = excluded.version, as_of = excluded.as_of, run = excluded.run, policy = excluded.policy,
    score = excluded.score, evaluation = excluded.evaluation, state = excluded.state, contacts = excluded.contacts,
    influence = excluded.influence, stability = excluded.stability, edition = excluded.edition

-- name: save_scores
insert into score (shard, user_id, version, as_of, run, policy, evaluation)
select $1, rows.*
from unnest($2::bytea[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::text[], $7::bytea[]) as rows
on conflict (shard, user_id, version) do update set
    as_of = excluded.as_of, run = excluded.run, policy = excluded.policy, evaluation = excluded.evaluation

-- name: versions
select user_id, version from person where shard = $1 and user_id = any ($2::bytea[]) and version is not null

-- name: history
select version, run, evaluation from score where shard = $1 and user_id = $2 and version <= $3 order by version

-- name: rewrite_score
update score set evaluation = $4 where shard = $1 and user_id = $2 and version = $3

-- name: drop_scores
delete from score where shard = $1 and user_id = $2 and version = any ($3::bigint[])

-- Publications older than anything is remembered, but for the last one.
-- name: forget_scores
delete from score using unnest($2::bytea[], $3::bigint[], $4::timestamptz[]) as rows (user_id, version, since)
where score.shard = $1 and score.user_id = rows.user_id and score.version < rows.version and score.as_of < rows.since

-- name: save_records
insert into person (shard, user_id, records) select $1, rows.* from unnest($2::bytea[], $3::bytea[]) as rows
on conflict (shard, user_id) do update set records = excluded.records, edition = excluded.edition

-- name: save_tier
insert into person (shard, user_id, tier) select $1, rows.* from unnest($2::bytea[], $3::bytea[]) as rows
on conflict (shard, user_id) do update set tier = excluded.tier, edition = excluded.edition

-- name: save_answers
insert into told (shard, user_id, id, at, body)
select $1, rows.* from unnest($2::bytea[], $3::text[], $4::timestamptz[], $5::bytea[]) as rows
on conflict (shard, user_id, id) do nothing

-- Of several statements about a consent the earliest stands that says when it was given, and the earliest withdrawal.
-- name: save_consents
insert into consent as known (shard, user_id, partner, consent_id, said_at, purpose, given_at, withdrawn_at)
select $1, user_id, partner, consent_id, max(said_at),
    (array_agg(purpose order by given_at, purpose) filter (where given_at is not null))[1], min(given_at), min(withdrawn_at)
from unnest(
    $2::bytea[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::timestamptz[], $8::timestamptz[]
) as rows (user_id, partner, consent_id, said_at, purpose, given_at, withdrawn_at)
group by user_id, partner, consent_id
on conflict (shard, user_id, partner, consent_id) do update set
    said_at = greatest(known.said_at, excluded.said_at),
    purpose = case
        when (excluded.given_at, excluded.purpose) < (known.given_at, known.purpose) then excluded.purpose
        else coalesce(known.purpose, excluded.purpose) end,
    given_at = least(known.given_at, excluded.given_at),
    withdrawn_at = least(known.withdrawn_at, excluded.withdrawn_at)

-- As the scorer does (rules I10): of which nothing was said for as long as a figure is kept.
-- name: forget_consents
delete from consent using unnest($2::bytea[], $3::timestamptz[]) as rows (user_id, since)
where consent.shard = $1 and consent.user_id = rows.user_id and consent.said_at < rows.since - interval '93 days'

-- What was told of a record that has ended is not told any longer, nor what was asked about it here.
-- name: forget_told
with gone as (delete from asked where shard = $1 and user_id = $2 and record_id = $3)
delete from told where shard = $1 and user_id = $2
    and convert_from(body, 'UTF8')::jsonb ->> 'record_id' = $3 and id <> $4

-- Both states are said, so that what has ended is 0 and not the last count.
-- name: census
select state, count(distinct user_id) as people
from unnest(array['waiting', 'dead']) as state left join delivery using (state) group by state
