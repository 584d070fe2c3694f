-- What a person's contacts bear on the score besides their standing, each as coarse as it may be seen.
alter table person
    add column influence bigint,
    add column stability bigint;

-- The run from which on others have counted the edge without a break. It is left when the edge ceases to count, since
-- others may still have to see it as of the run before.
alter table contact add column counted_since bigint;
