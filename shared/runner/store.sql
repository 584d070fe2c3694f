-- name: shards
select count(*) as shards, max(epoch) as epoch from shard

-- name: forget_shards
delete from shard where shard >= $1

-- name: make_shards
insert into shard (shard) select generate_series(0, $1 - 1) on conflict do nothing

-- name: claim
update shard set epoch = epoch + 1 where shard = $1 and ($2::bigint is null or epoch = $2)
returning epoch, steps, offsets, cursor, run, barrier, cluster, topic_ids, newest, sent, (select id from deployment) as owner

-- name: peek
select epoch, steps, offsets, cursor, run, barrier, cluster, topic_ids, newest, sent, (select id from deployment) as owner
from shard where shard = $1

-- name: lock
select epoch from shard where shard = $1 for update

-- name: pending
select seq, messages from outbox
where shard = $1 and seq > $3 and (select epoch from shard where shard = $1) = $2
order by seq limit 1

-- name: epoch
select epoch from shard where shard = $1

-- name: advance
-- Nothing of it happens where the shard is not as its owner left it. `sent` has the end of the service's own topic.
with moved as (
    update shard set offsets = $5, cursor = $6, run = $7, barrier = $8, settled_at = coalesce($9, settled_at),
        newest = $10, sent = sent || $11, steps = steps + 1
    where shard = $1 and epoch = $2 and steps = coalesce($12, steps)
    returning shard
), cleared as (
    delete from outbox using moved where outbox.shard = moved.shard and seq <= $3
), queued as (
    insert into outbox (shard, messages) select shard, $4 from moved where $4::bytea is not null
    returning seq
)
select (select count(*) from moved) as moved, (select seq from queued) as seq

-- name: backlog
select count(*) as batches, extract(epoch from clock_timestamp() - min(created_at))::float8 as oldest_s from outbox

-- name: write_claim
update shard set cluster = $3, topic_ids = $4, offsets = $5, newest = $6, sent = $7, run = $8, barrier = $9
where shard = $1 and epoch = $2
returning shard

-- name: replace_row
update outbox set messages = $3 where shard = $1 and seq = $2

-- name: drop_row
delete from outbox where shard = $1 and seq = $2

-- name: be_patient
set local idle_in_transaction_session_timeout = '60s'

-- name: fill_outbox
insert into outbox (shard, messages) values ($1, $2)
