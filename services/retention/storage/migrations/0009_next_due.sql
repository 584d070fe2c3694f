-- For whoever leads the clock through a past that is imported: when something next happens to a record by itself.
create view next_due as
select shard, (
    select due_at from record where record.shard = shards.shard and due_at is not null order by due_at limit 1
) as at
from shard as shards;
