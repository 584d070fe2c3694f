-- name: load
select user_id, state, version, evaluation, run, standing, standing_before, contacts
from person
where shard = $1 and user_id = any ($2::bytea[])

-- name: save_people
insert into person (shard, user_id, state, version, evaluation, run, standing, standing_before, contacts)
select $1, rows.*
from unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
    as rows
on conflict (shard, user_id) do update set
    state = excluded.state,
    version = excluded.version,
    evaluation = excluded.evaluation,
    run = excluded.run,
    standing = excluded.standing,
    standing_before = excluded.standing_before,
    contacts = excluded.contacts

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

-- name: open_publication
insert into publication (number, instant, policy) values ($1, $2, $3) on conflict (number) do nothing

-- name: policy_of_publication
select policy from publication where number = $1

-- The next people of the shard, each with the standings that their contacts had in the publication before this one.
-- Whoever this run has moved already shows the standing before, so the order of people does not matter.
-- name: due
with page as (
    select user_id from person where shard = $1 and user_id > $2 order by user_id limit $3
)
select page.user_id, count(theirs.standing) as contacts, coalesce(sum(theirs.standing), 0)::bigint as standings
from page left join lateral (
    select case when other.run = $4 then other.standing_before else other.standing end as standing
    from contact join person as other on other.shard = contact.contact_shard and other.user_id = contact.contact
    where contact.shard = $1 and contact.user_id = page.user_id and contact.present
) as theirs on true
group by page.user_id
order by page.user_id
