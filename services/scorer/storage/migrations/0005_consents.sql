-- The ledger of consents, for the person: to whom each was given, for what, and whether it was taken back.
create table consent (
    shard        smallint not null,
    user_id      bytea not null check (length(user_id) = 32),
    partner      text not null,
    consent_id   text not null,
    -- Null for one that was taken back before anything came under it.
    purpose      text,
    given_at     timestamptz,
    withdrawn_at timestamptz,
    -- When something was last said of it; what nothing is remembered of leaves the ledger.
    said_at      timestamptz not null,
    primary key (shard, user_id, partner, consent_id),
    check ((purpose is null) = (given_at is null)),
    check (given_at is not null or withdrawn_at is not null)
);
alter table consent set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create view consents as
select shard, user_id, partner, consent_id, purpose, given_at, withdrawn_at from consent;
