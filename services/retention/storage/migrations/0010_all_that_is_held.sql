-- For whoever asks for all that is held: every dispute of a record, what waits for its report, and the free reports.
create or replace view current as
select shard, user_id, encode(record_id, 'hex') as record_id, version, kind, status, began_on, amount, ended_on,
    lapses_at, partner, report_id,
    beside::jsonb -> 'disputes' -> -1 ->> 'type' as dispute,
    (beside::jsonb -> 'disputes' -> -1 ->> 'answer_by')::date as answer_by,
    beside::jsonb -> 'statement' ->> 'text' as statement,
    (beside::jsonb ->> 'counts_from')::timestamptz as counts_from,
    (beside::jsonb ->> 'early_at')::timestamptz as early_at,
    beside::jsonb ->> 'disputes' as disputes
from record where status <> 'unreported';

create view waiting as
select shard, user_id, partner, report_id, waiting, due_at as until from record where status = 'unreported';

create view free_report as
select shard, user_id, request_id, year from export;
