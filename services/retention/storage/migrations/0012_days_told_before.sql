-- What else is kept of a record, for the person's export.
create or replace view current as
select shard, user_id, encode(record_id, 'hex') as record_id, version, kind, status, began_on, amount, ended_on,
    lapses_at, partner, report_id,
    beside::jsonb -> 'disputes' -> -1 ->> 'type' as dispute,
    (beside::jsonb -> 'disputes' -> -1 ->> 'answer_by')::date as answer_by,
    beside::jsonb -> 'statement' ->> 'text' as statement,
    (beside::jsonb ->> 'counts_from')::timestamptz as counts_from,
    (beside::jsonb ->> 'early_at')::timestamptz as early_at,
    beside::jsonb ->> 'disputes' as disputes,
    (beside::jsonb ->> 'reported_on')::date as reported_on,
    beside::jsonb -> 'corrected' ->> 'began_before' as began_before,
    overtaken
from record where status <> 'unreported';
