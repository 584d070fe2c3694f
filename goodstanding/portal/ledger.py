"""What a person decides and sees of those who look: permissions, and each look that was taken."""

from __future__ import annotations

from datetime import datetime

import msgspec

from goodstanding.portal.people import key_of
from shared.postgres import DbOrPool

LOOKS_SHOWN_MAX = 200
"""The latest ones; all of them are in the person's export."""


class Permission(msgspec.Struct, frozen=True):
    """That a subscriber may see the person, until it was taken back."""

    subscriber: str
    given_at: datetime
    withdrawn_at: datetime | None


class Consent(msgspec.Struct, frozen=True):
    """That the person let a partner report figures, for what, and whether it was taken back. One that was taken back
    before anything came under it has no purpose."""

    partner: str
    consent_id: str
    purpose: str | None
    given_at: datetime | None
    withdrawn_at: datetime | None


class Look(msgspec.Struct, frozen=True):
    """Somebody has looked at something of the person."""

    at: datetime
    who: str
    what: str


class Asked(msgspec.Struct, frozen=True):
    """What the person asked of the platform here."""

    request_id: str
    at: datetime
    request: str
    record_id: str | None


class Ledger(msgspec.Struct, frozen=True):
    """All of it, as a page shows it."""

    permissions: list[Permission]
    consents: list[Consent]
    looks: list[Look]
    """The latest first, as `asked` and `told`."""
    asked: list[Asked]
    told: list[tuple[datetime, bytes]]
    """What the person was answered and told: when, and the body as JSON."""
    subscribers: list[str]


_OF = "where shard = $1 and user_id = $2"
_PERMISSIONS = f"select subscriber, given_at, withdrawn_at from permission {_OF} order by subscriber"
_CONSENTS = (
    f"select partner, consent_id, purpose, given_at, withdrawn_at from consent {_OF} "
    "order by partner, given_at, consent_id"
)
_LOOKS = f"select at, who, what from look {_OF} order by at desc limit $3"
_ASKED = f"select request_id, at, request, record_id from asked {_OF} order by at desc"
_TOLD = f"select at, body from told {_OF} order by at desc, id limit 100"
_SUBSCRIBERS = "select distinct holder from api_key where role = 'subscriber' and revoked_at is null order by holder"
_WHOLE = f"""
select
    array(select each from ({_PERMISSIONS}) as each) as permissions,
    array(select each from ({_CONSENTS}) as each) as consents,
    array(select each from ({_LOOKS}) as each) as looks,
    array(select each from ({_ASKED}) as each) as asked,
    array(select each from ({_TOLD}) as each) as told,
    array({_SUBSCRIBERS}) as subscribers
"""


async def whole(db: DbOrPool, user_id: str) -> Ledger:
    """In one trip: on a busy machine each one waits for a processor twice."""
    row = await db.fetchrow(_WHOLE, *key_of(user_id), LOOKS_SHOWN_MAX)
    assert row is not None, "it selects one row"
    return Ledger(
        permissions=[Permission(*each) for each in row["permissions"]],
        consents=[Consent(*each) for each in row["consents"]],
        looks=[Look(*each) for each in row["looks"]],
        asked=[Asked(*each) for each in row["asked"]],
        told=[tuple(each) for each in row["told"]],
        subscribers=row["subscribers"],
    )


async def permissions(db: DbOrPool, user_id: str) -> list[Permission]:
    rows = await db.fetch(_PERMISSIONS, *key_of(user_id))
    return [Permission(**row) for row in rows]


async def consents(db: DbOrPool, user_id: str) -> list[Consent]:
    """By partner, the earliest first."""
    rows = await db.fetch(_CONSENTS, *key_of(user_id))
    return [Consent(**row) for row in rows]


async def permit(db: DbOrPool, user_id: str, subscriber: str, now: datetime) -> None:
    await db.execute(
        "insert into permission (shard, user_id, subscriber, given_at) values ($1, $2, $3, $4) "
        "on conflict (shard, user_id, subscriber) do update set given_at = excluded.given_at, withdrawn_at = null "
        "where permission.withdrawn_at is not null",
        *key_of(user_id),
        subscriber,
        now,
    )


async def withdraw(db: DbOrPool, user_id: str, subscriber: str, now: datetime) -> bool:
    """Whether there was a permission to take back."""
    done = await db.fetchval(
        "update permission set withdrawn_at = $4 where shard = $1 and user_id = $2 and subscriber = $3 "
        "and withdrawn_at is null returning subscriber",
        *key_of(user_id),
        subscriber,
        now,
    )
    return done is not None


async def looked(db: DbOrPool, user_id: str, subscriber: str, what: str, now: datetime) -> bool:
    """Write the look down if the person permits it, in one statement: no look without a line, and no line without a
    permission (rules I15). Whether it is permitted."""
    done = await db.fetchval(
        "insert into look (shard, user_id, at, who, what) select $1, $2, $5, $3, $4 from permission "
        "where shard = $1 and user_id = $2 and subscriber = $3 and withdrawn_at is null for share returning who",
        *key_of(user_id),
        subscriber,
        what,
        now,
    )
    return done is not None


async def looked_by_desk(db: DbOrPool, user_id: str, who: str, what: str, now: datetime) -> None:
    """Somebody of the operator's own looks without being asked, and is in the ledger too. Of whom nothing is held, no
    line is written."""
    await db.execute(
        "insert into look (shard, user_id, at, who, what) select shard, user_id, $3, $4, $5 from person "
        "where shard = $1 and user_id = $2 for share",
        *key_of(user_id),
        now,
        who,
        what,
    )


async def looks(db: DbOrPool, user_id: str, limit: int = LOOKS_SHOWN_MAX) -> list[Look]:
    """The latest first."""
    rows = await db.fetch(_LOOKS, *key_of(user_id), limit)
    return [Look(**row) for row in rows]


async def subscribers(db: DbOrPool) -> list[str]:
    """Those who can look at all: they hold a key."""
    rows = await db.fetch(_SUBSCRIBERS)
    return [row["holder"] for row in rows]


async def asked(db: DbOrPool, user_id: str) -> list[Asked]:
    """The latest first."""
    rows = await db.fetch(_ASKED, *key_of(user_id))
    return [Asked(**row) for row in rows]


async def note_asked(
    db: DbOrPool, user_id: str, request_id: str, request: str, record_id: str | None, now: datetime
) -> None:
    await db.execute(
        "insert into asked (shard, user_id, request_id, at, request, record_id) values ($1, $2, $3, $4, $5, $6)",
        *key_of(user_id),
        request_id,
        now,
        request,
        record_id,
    )


async def told(db: DbOrPool, user_id: str) -> list[tuple[datetime, bytes]]:
    """What the person was answered and told, the latest first: when, and the body as JSON."""
    rows = await db.fetch(_TOLD, *key_of(user_id))
    return [(row["at"], row["body"]) for row in rows]
