-- A refusal can be read before the answer to the sender is written, so what is known of the same event stays.
-- name: sent
insert into event (partner, raw_partition, raw_offset, member, event, at)
select $1, $2::smallint, $3::bigint, sent.member, sent.event, $6::timestamptz
from unnest($4::int[], $5::bytea[]) as sent (member, event)
on conflict (partner, raw_partition, raw_offset, member) do update set
    event = excluded.event, at = excluded.at,
    code = case when event.event = excluded.event then event.code end,
    field = case when event.event = excluded.event then event.field end,
    sentence = case when event.event = excluded.event then event.sentence end

-- name: refused
insert into event (partner, raw_partition, raw_offset, member, event, at, code, field, sentence)
select distinct on (raw_partition, raw_offset, member) $1, refused.*
from unnest($2::smallint[], $3::bigint[], $4::int[], $5::bytea[], $6::timestamptz[], $7::text[], $8::text[], $9::text[])
    as refused (raw_partition, raw_offset, member, event, at, code, field, sentence)
on conflict (partner, raw_partition, raw_offset, member) do update set
    code = excluded.code, field = excluded.field, sentence = excluded.sentence

-- For a refusal of an event whose id could not be read: its number in the message says which event it is. If there is no
-- number, everything at these positions is refused.
-- name: refused_unnamed
update event set code = $6, field = $7, sentence = $8
where partner = $1 and raw_partition = $2::smallint and raw_offset between $3::bigint and $4::bigint
    and ($5::int is null or member = $5)

-- name: read_until
select next_offset from refusals_read where partner = $1

-- Holds the row until the transaction ends: if two processes have read the same refusals, only the first counts them.
-- name: hold_read_until
insert into refusals_read (partner, next_offset) values ($1, $2::bigint)
on conflict (partner) do update set partner = excluded.partner returning next_offset

-- name: keep_read_until
insert into refusals_read (partner, next_offset) values ($1, $2::bigint)
on conflict (partner) do update set next_offset = excluded.next_offset

-- name: forget
delete from event where at < $1::timestamptz

-- What was sent last under this id.
-- name: verdict
select raw_partition, raw_offset, member, code, field, sentence from event
where partner = $1 and event = $2 order by at desc, raw_offset desc limit 1

-- name: count
insert into refusal_count (partner, day, code, count)
select $1, read.* from unnest($2::date[], $3::text[], $4::bigint[]) as read
on conflict (partner, day, code) do update set count = refusal_count.count + excluded.count

-- name: forget_counts
delete from refusal_count where day < $1::timestamptz::date
