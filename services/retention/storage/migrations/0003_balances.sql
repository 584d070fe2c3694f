-- When the amount was so, by the partner, so that of several amounts of an open record the latest counts; null where
-- there is none, and for what was reported before this was kept.
alter table record add column amount_at timestamptz;

-- What is erased leaves the table's pages at the next vacuum, which by default waits for a fifth of the table.
alter table record set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
