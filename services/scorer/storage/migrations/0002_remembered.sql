-- The instant of the last publication: the next one's is never before it.
alter table person add column as_of timestamptz;
update person set as_of = (
    select max(score.as_of) from score where score.shard = person.shard and score.user_id = person.user_id
);

-- Whether others count the edge: as the owner's last monthly run left it, and as the one before that did. The other
-- side's word is seen as of the publication before, like its standing, so that the order of people does not matter.
alter table contact
    add column counted        boolean not null default false,
    add column counted_before boolean not null default false;
update contact set counted = present, counted_before = present;
