-- The days that settlements of a record named before one with an earlier day was taken, as JSON; null where there are none.
alter table record add column overtaken text check (overtaken is null or status = 'settled');
