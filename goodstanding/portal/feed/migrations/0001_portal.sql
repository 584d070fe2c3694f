-- What is known of one person, in parts: the last score with what explains it, the records, the tier. Each part is as its
-- topic says it, and null where that says nothing of the person.
create table person (
    shard      smallint not null,
    user_id    bytea not null check (length(user_id) = 32),
    version    bigint,
    as_of      timestamptz,
    run        bigint,
    policy     text,
    score      smallint,
    evaluation bytea,
    state      bytea,
    contacts   bigint,
    influence  bigint,
    stability  bigint,
    records    bytea,
    tier       bytea,
    -- Counts the changes of anything above, so that a reader knows whether there is something new.
    edition    bigint not null default 1,
    primary key (shard, user_id)
);
alter table person alter column state set storage external;

-- Every publication since the portal began, with its items.
create table score (
    shard      smallint not null,
    user_id    bytea not null,
    version    bigint not null,
    as_of      timestamptz not null,
    run        bigint,
    policy     text not null,
    evaluation bytea not null,
    primary key (shard, user_id, version)
);

-- What the person was answered and told, the body as JSON.
create table told (
    shard      smallint not null,
    user_id    bytea not null,
    id         text not null,
    at         timestamptz not null,
    body       bytea not null,
    primary key (shard, user_id, id)
);

-- Erasures that have not come through all topics yet, until the last one has.
create table ending (
    shard      smallint not null,
    user_id    bytea not null,
    request_id text not null,
    asked_at   timestamptz not null,
    parts      text[] not null,
    primary key (shard, user_id, request_id)
);

-- What was asked of the platform through the portal.
create table asked (
    shard      smallint not null,
    user_id    bytea not null,
    request_id text not null,
    at         timestamptz not null,
    request    text not null,
    record_id  text,
    primary key (shard, user_id, request_id)
);

-- Which subscriber a person lets look, and since when; one that was taken back is kept, so that the person sees it.
create table permission (
    shard        smallint not null,
    user_id      bytea not null,
    subscriber   text not null,
    given_at     timestamptz not null,
    withdrawn_at timestamptz,
    primary key (shard, user_id, subscriber)
);

-- Who has looked at what, for the person.
create table look (
    shard   smallint not null,
    user_id bytea not null,
    at      timestamptz not null,
    who     text not null,
    what    text not null
);
create index look_of on look (shard, user_id, at);

-- Keys of those who ask over HTTP. Of the secret part only a hash is kept.
create table api_key (
    id         text primary key,
    hash       bytea not null,
    holder     text not null,
    role       text not null check (role in ('subscriber', 'partner', 'desk')),
    scopes     text[] not null,
    made_at    timestamptz not null,
    revoked_at timestamptz
);
