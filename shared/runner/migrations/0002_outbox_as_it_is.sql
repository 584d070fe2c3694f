-- A row lives for one step. Compressing it cost Postgres more time than writing it as it is.
alter table outbox alter column messages set storage external;
