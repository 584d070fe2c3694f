-- What is new of people, for each webhook of a subscriber whom the person permits to look, and who has a key for it.
-- name: tell
insert into delivery (webhook, shard, user_id, scope, message, body, at, next_at, give_up_at)
select webhook.id, $1::smallint, news.user_id, news.scope, news.message, news.body, $6::timestamptz, $6::timestamptz,
    $6::timestamptz + interval '3 days'
from unnest($2::bytea[], $3::text[], $4::text[], $5::bytea[]) with ordinality as news (user_id, scope, message, body, place)
join permission on permission.shard = $1::smallint and permission.user_id = news.user_id and permission.withdrawn_at is null
join webhook on webhook.subscriber = permission.subscriber and webhook.ended_at is null
where exists (
    select from api_key where holder = webhook.subscriber and role = 'subscriber' and revoked_at is null
        and news.scope = any (scopes)
)
order by news.place
on conflict (webhook, message) do nothing

-- The person is erased: what was to be told goes, and that alone is told, to whoever has ever been permitted to look.
-- name: tell_erased
with gone as (delete from delivery where shard = $1::smallint and user_id = $2::bytea)
insert into delivery (webhook, shard, user_id, message, body, at, next_at, give_up_at)
select webhook.id, $1::smallint, $2::bytea, $3::text || '/' || encode($2::bytea, 'hex'),
    convert_to(json_build_object(
        'type', 'person.erased', 'timestamp', to_char($4::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'data', json_build_object('user_id', encode($2::bytea, 'hex'))
    )::text, 'UTF8'), $4::timestamptz, $4::timestamptz, $4::timestamptz + interval '3 days'
from permission join webhook on webhook.subscriber = permission.subscriber and webhook.ended_at is null
where permission.shard = $1::smallint and permission.user_id = $2::bytea
on conflict (webhook, message) do nothing

-- The next ones that are due, at most one of each person and webhook, and none before an earlier one is done. Whoever takes
-- them has a minute.
-- name: take
update delivery set attempts = attempts + 1, next_at = $1::timestamptz + interval '60 seconds'
from webhook
where webhook.id = delivery.webhook and (delivery.webhook, delivery.message) in (
    select webhook, message from delivery as due
    where state = 'waiting' and next_at <= $1::timestamptz and not exists (
        select from delivery as earlier where earlier.webhook = due.webhook and earlier.shard = due.shard
            and earlier.user_id = due.user_id and earlier.state = 'waiting' and earlier.seq < due.seq
    )
    order by next_at limit $2 for update skip locked
)
returning delivery.webhook, message, body, attempts, give_up_at, url, secret,
    case when before_until > $1::timestamptz then secret_before end as secret_before, webhook.ended_at is not null as ended,
    scope is null or exists (
        select from permission join api_key on holder = permission.subscriber and role = 'subscriber' and revoked_at is null
        where permission.shard = delivery.shard and permission.user_id = delivery.user_id and withdrawn_at is null
            and permission.subscriber = webhook.subscriber and delivery.scope = any (scopes)
    ) as permitted

-- What was said while a permission or a key lasted is not told when it has ended, and never again.
-- name: drop
delete from delivery where webhook = $1 and message = $2

-- Of who is erased nothing is kept once that was told, or was given up. Whatever else is taken is a look, and the person
-- sees it.
-- name: done
with told as (delete from delivery where webhook = $1 and message = $2 and scope is null),
taken as (
    update delivery set state = 'done', failed = null where webhook = $1 and message = $2 and scope is not null
    returning shard, user_id, scope
)
insert into look (shard, user_id, at, who, what)
select taken.shard, taken.user_id, $3, webhook.subscriber, taken.scope || ', by webhook'
from taken, webhook, permission
where webhook.id = $1 and permission.shard = taken.shard and permission.user_id = taken.user_id
    and permission.subscriber = webhook.subscriber
for share of permission

-- name: later
update delivery set next_at = $3, failed = $4 where webhook = $1 and message = $2 and state = 'waiting'

-- name: dead
with told as (delete from delivery where webhook = $1 and message = $2 and scope is null)
update delivery set state = 'dead', failed = $3 where webhook = $1 and message = $2 and scope is not null

-- Nothing is asked for again after a week.
-- name: forget
delete from delivery where state <> 'waiting' and at < $1::timestamptz - interval '7 days'

-- name: replay
update delivery set state = 'waiting', attempts = 0, next_at = $3::timestamptz, give_up_at = $3::timestamptz + interval '3 days'
where webhook = $1 and at >= $2 and state <> 'waiting'

-- name: counts
select state, count(*) as count from delivery group by state
