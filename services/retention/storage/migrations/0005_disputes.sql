-- When the record lapses. `due_at` is from now on when the next thing happens to it by itself: it lapses, a dispute must
-- be answered, or the person is told that one of these is near.
alter table record add column lapses_at timestamptz;
update record set lapses_at = due_at where status <> 'unreported';

-- What is known of the record beside its reports, as JSON: disputes, corrections, the person's statement, and times.
alter table record add column beside text;

-- A deadline may run before the bad behavior has ended, and something may be due before the deadline.
alter table record drop constraint record_check4;
alter table record add check (status = 'unreported' or ended_on is null or lapses_at is not null);
alter table record add check (status = 'unreported' or lapses_at is null or due_at <= lapses_at);
alter table record add check (status <> 'unreported' or (lapses_at is null and beside is null));

create or replace view current as
select shard, user_id, encode(record_id, 'hex') as record_id, version, kind, status, began_on, amount, ended_on,
    lapses_at, partner, report_id,
    beside::jsonb -> 'disputes' -> -1 ->> 'type' as dispute,
    (beside::jsonb -> 'disputes' -> -1 ->> 'answer_by')::date as answer_by,
    beside::jsonb -> 'statement' ->> 'text' as statement,
    (beside::jsonb ->> 'counts_from')::timestamptz as counts_from,
    (beside::jsonb ->> 'early_at')::timestamptz as early_at
from record where status <> 'unreported';
