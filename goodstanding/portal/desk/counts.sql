-- name: tiers
select convert_from(tier, 'UTF8')::jsonb ->> 'tier' as tier, count(*) as people
from person where version is not null group by 1

-- name: bands
select score / $1::int * $1::int as band, count(*) as people from person where score is not null group by 1

-- Only the latest publications: whoever is not in the newest has not been published again yet.
-- name: publications
select run, count(*) as people from person where version is not null group by run order by run desc nulls last limit 6

-- name: asked
select to_char(at, 'YYYY-MM-DD') as day, request, count(*) as count from asked group by 1, 2 order by 1 desc, 2 limit 60

-- Erasures that were asked for here, and those of which some parts have come. Nothing is kept of one that is complete.
-- name: erasures
select coalesce(asked_at, at) as asked_at, coalesce(array_to_string(parts, ', '), '') as parts
from (select shard, user_id, request_id, at from asked where request = 'erase') as here
full join ending using (shard, user_id, request_id)
order by 1 limit 100

-- name: refusals
select partner, code, sum(count)::bigint as count from refusal_count
where day > current_date - 30 group by 1, 2 order by 3 desc, 1, 2 limit 200
