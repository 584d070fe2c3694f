-- name: versions
select user_id, version from person where shard = $1 and user_id = any($2::bytea[])

-- name: take_over
-- Whoever the topic knows and we do not gets a row with nothing in it but the version.
insert into person (shard, user_id, state, version, evaluation, as_of)
select $1, told.user_id, ''::bytea, told.version, ''::bytea, told.as_of
from unnest($2::bytea[], $3::bigint[], $4::timestamptz[]) as told (user_id, version, as_of)
on conflict (shard, user_id) do update set
    version = greatest(person.version, excluded.version),
    as_of = greatest(person.as_of, excluded.as_of)

-- name: page
select person.user_id, person.version, person.evaluation, person.run, person.as_of as last_as_of,
    score.as_of, score.run as published_run, score.policy, score.evaluation as published
from person left join score using (shard, user_id, version)
where person.shard = $1 and person.user_id > $2
order by person.user_id
limit $3

-- name: publish
insert into score (shard, user_id, version, as_of, run, policy, evaluation)
select $1, said.* from unnest($2::bytea[], $3::bigint[], $4::timestamptz[], $5::bigint[], $6::text[], $7::bytea[]) as said
