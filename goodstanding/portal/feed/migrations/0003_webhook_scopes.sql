-- What a subscriber's key must allow for this to be told; null for what is told to whoever was ever told anything.
alter table delivery add column scope text;
update delivery set scope = case when message like 'scorer/%' then 'score' else 'standing' end where message not like 'erased/%';
