"""Keys of those who ask over HTTP: what each may do, of whose secret part only a hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from goodstanding.errors import UserError
from shared.postgres import DbOrPool

Holds: TypeAlias = Literal["subscriber", "partner"]
Scope: TypeAlias = Literal["standing", "score", "reasons", "hints", "records", "history", "events"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
OF_ROLE: dict[Holds, tuple[Scope, ...]] = {"subscriber": SCOPES[:-1], "partner": ("events",)}
_KEY = re.compile(r"gsk_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
HOLDER = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""How a subscriber or a partner is called."""
NAME_FORM = "It has lower-case letters, digits and hyphens, at most 40 of them."


class Key(msgspec.Struct, frozen=True):
    id: str
    holder: str
    role: Holds
    scopes: frozenset[str]


async def make(db: DbOrPool, role: Holds, holder: str, scopes: Collection[str], now: datetime) -> str:
    """The new key, which is told this once. Raises UserError."""
    if not HOLDER.fullmatch(holder):
        raise UserError(f"{holder} is no name.", NAME_FORM)
    if unknown := sorted(set(scopes) - set(OF_ROLE[role])):
        raise UserError(f"A {role} has no scope {unknown[0]}.", f"Say some of: {', '.join(OF_ROLE[role])}.")
    id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    await db.execute(
        "insert into api_key (id, hash, holder, role, scopes, made_at) values ($1, $2, $3, $4, $5, $6)",
        id,
        _hash(secret),
        holder,
        role,
        sorted(scopes),
        now,
    )
    return f"gsk_{id}_{secret}"


async def revoke(db: DbOrPool, id: str, now: datetime) -> None:
    """Raises UserError for a key that is not there, or was revoked before."""
    done = await db.fetchval(
        "update api_key set revoked_at = $2 where id = $1 and revoked_at is null returning id", id, now
    )
    if done is None:
        raise UserError(f"No key {id} is in use.", "To see those there are: goodstanding portal keys")


async def known(db: DbOrPool) -> Sequence[dict[str, Any]]:
    rows = await db.fetch("select id, role, holder, scopes, made_at, revoked_at from api_key order by made_at, id")
    return [dict(row) for row in rows]


async def key_of(db: DbOrPool, text: str) -> Key | None:
    """Whose key this is; None for a text that is none, or one that was revoked."""
    parts = _KEY.fullmatch(text)
    if parts is None:
        return None
    row = await db.fetchrow(
        "select hash, holder, role, scopes from api_key where id = $1 and revoked_at is null", parts[1]
    )
    # A hash that needs no salt and no time: nobody guesses 32 random bytes.
    if row is None or not hmac.compare_digest(row["hash"], _hash(parts[2])):
        return None
    return Key(parts[1], row["holder"], row["role"], frozenset(row["scopes"]))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
