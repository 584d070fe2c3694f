-- Which request it was, so that messages about whoever comes back can name the erasure, and its mark can be sent again.
alter table erased add column request_id text not null default 'earlier';
