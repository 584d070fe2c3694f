-- The people, and whether anybody was erased lately; at least one row, of nobody where none of them is known.
-- name: load
select anybody.erased, user_id, state, version, evaluation, run, standing, standing_before, contacts, influence,
    stability, as_of
from (select exists (select from erased) as erased) as anybody
left join person on shard = $1 and user_id = any ($2::bytea[])

-- People, and what is published of them: in one statement, since each is a trip for every step.
-- name: save_people
with published as (
    insert into score (shard, user_id, version, as_of, run, policy, evaluation)
    select $1, rows.*
    from unnest($13::bytea[], $14::bigint[], $15::timestamptz[], $16::bigint[], $17::text[], $18::bytea[]) as rows
)
insert into person (
    shard, user_id, state, version, evaluation, run, standing, standing_before, contacts, influence, stability, as_of
)
select $1, rows.*
from unnest(
    $2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
    $10::bigint[], $11::bigint[], $12::timestamptz[]
) as rows
on conflict (shard, user_id) do update set
    state = excluded.state,
    version = excluded.version,
    evaluation = excluded.evaluation,
    run = excluded.run,
    standing = excluded.standing,
    standing_before = excluded.standing_before,
    contacts = excluded.contacts,
    influence = excluded.influence,
    stability = excluded.stability,
    as_of = excluded.as_of

-- What was published of these people until now.
-- name: history
select user_id, version, run, evaluation from score
where shard = $1 and user_id = any ($2::bytea[])
order by user_id, version

-- name: rewrite_scores
update score set evaluation = rows.evaluation
from unnest($2::bytea[], $3::bigint[], $4::bytea[]) as rows (user_id, version, evaluation)
where score.shard = $1 and score.user_id = rows.user_id and score.version = rows.version

-- name: drop_scores
delete from score using unnest($2::bytea[], $3::bigint[]) as rows (user_id, version)
where score.shard = $1 and score.user_id = rows.user_id and score.version = rows.version

-- name: save_scores
insert into score (shard, user_id, version, as_of, run, policy, evaluation)
select $1, rows.*
from unnest($2::bytea[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::text[], $7::bytea[]) as rows

-- name: save_contacts
insert into contact as known (shard, user_id, contact, contact_shard, present, time_us, event)
select $1, rows.*
from unnest($2::bytea[], $3::bytea[], $4::smallint[], $5::boolean[], $6::bigint[], $7::bytea[]) as rows
on conflict (shard, user_id, contact) do update set
    present = excluded.present,
    time_us = excluded.time_us,
    event = excluded.event
where (known.time_us, known.event) < (excluded.time_us, excluded.event)

-- Of several statements about a consent the earliest stands that says when it was given, and the earliest withdrawal.
-- name: save_consents
insert into consent as known (shard, user_id, partner, consent_id, said_at, purpose, given_at, withdrawn_at)
select $1, rows.*
from unnest(
    $2::bytea[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::timestamptz[], $8::timestamptz[]
) as rows
on conflict (shard, user_id, partner, consent_id) do update set
    said_at = greatest(known.said_at, excluded.said_at),
    purpose = case
        when (excluded.given_at, excluded.purpose) < (known.given_at, known.purpose) then excluded.purpose
        else coalesce(known.purpose, excluded.purpose) end,
    given_at = least(known.given_at, excluded.given_at),
    withdrawn_at = least(known.withdrawn_at, excluded.withdrawn_at)

-- Consents of which nothing was said for as long as a figure is kept; a withdrawal is kept in the state.
-- name: forget_consents
delete from consent where shard = $1 and user_id = any ($2::bytea[]) and said_at < $3::timestamptz - interval '93 days'

-- name: open_publication
insert into publication (number, instant, policy) values ($1, $2, $3) on conflict (number) do nothing

-- name: policy_of_publication
select policy from publication where number = $1

-- Publications of these people that are older than anything is remembered, but for the last one.
-- name: forget_scores
delete from score using unnest($2::bytea[], $3::bigint[]) as last (user_id, version)
where score.shard = $1 and score.user_id = last.user_id and score.version < last.version and score.as_of < $4::timestamptz

-- What was said of contacts too long ago, and absent ones that no event can bring back any more ($4), but not what
-- others may still have to see as of the publication before.
-- name: forget_contacts
delete from contact
where shard = $1 and user_id = any ($2::bytea[]) and not counted and time_us < case when present then $3::bigint else $4::bigint end

-- The run has passed these people: from the next publication on others see their contacts as they are now.
-- name: pass_contacts
update contact set
    counted_before = counted,
    counted = present and time_us >= $3::bigint,
    counted_since = case when not counted and present and time_us >= $3 then $4::bigint else counted_since end
where shard = $1 and user_id = any ($2::bytea[])
    and (counted_before, counted) is distinct from (counted, present and time_us >= $3)

-- The next people of the shard, each with their contacts in coarse bands. A contact counts if both sides say so: the
-- person's own word is the latest one, the other's word and standing are those of the publication before this one.
-- Whoever this run has moved already shows what was before, so the order of people does not matter.
-- name: due
with page as (
    select user_id from person where shard = $1 and user_id > $2 order by user_id limit $3
)
select page.user_id, count(theirs.standing) as contacts,
    coalesce(sum((theirs.standing - $6::bigint) / $7::bigint), 0)::bigint as bands,
    count(theirs.standing) filter (where theirs.steady) as steady
from page left join lateral (
    select case when other.run = $4::bigint then other.standing_before else other.standing end as standing,
        contact.counted and greatest(contact.counted_since, back.counted_since) <= $8::bigint as steady
    from contact
    join contact as back
        on back.shard = contact.contact_shard and back.user_id = contact.contact and back.contact = page.user_id
    join person as other on other.shard = back.shard and other.user_id = back.user_id
    where contact.shard = $1 and contact.user_id = page.user_id and contact.present and contact.time_us >= $5::bigint
        and case when other.run = $4::bigint then back.counted_before else back.counted end
) as theirs on true
group by page.user_id
order by page.user_id
