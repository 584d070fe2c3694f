-- The receipt of the erasure, the body as JSON, which names nobody; null until it has come.
alter table come_through add column receipt bytea;
