-- The ledger of consents, as the scorer tells it: to whom each was given, for what, and whether it was taken back.
create table consent (
    shard        smallint not null,
    user_id      bytea not null check (length(user_id) = 32),
    partner      text not null,
    consent_id   text not null,
    -- Null for one that was taken back before anything came under it.
    purpose      text,
    given_at     timestamptz,
    withdrawn_at timestamptz,
    said_at      timestamptz not null,
    primary key (shard, user_id, partner, consent_id)
);
