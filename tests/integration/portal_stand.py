"""The whole application of the portal over a real Postgres, with two people in it: for tests that ask it over HTTP."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import httpx

from goodstanding.portal import keys, ledger, policies, tokens
from goodstanding.portal.people import key_of
from goodstanding.portal.settings import PortalSettings
from goodstanding.portal.web.office import Office, opened
from goodstanding.portal.web.serving import application
from shared.clock import Clock
from shared.contracts.explained import RecordsHeld
from shared.contracts.messages import encode
from shared.postgres import migrate
from shared.settings import ROOT
from tests.support.portal_views import NOW, view

KEY, OTHER_KEY = "ab" * 32, "cd" * 32
ME, SOMEBODY, NOBODY = "11" * 32, "22" * 32, "33" * 32


@dataclass(frozen=True)
class Stand:
    """The application with two people in it, and somebody who attacks it."""

    http: httpx.AsyncClient
    db: asyncpg.Pool
    office: Office

    async def key(self, *scopes: str, permitted: bool = True) -> str:
        name = f"firm-{uuid.uuid4().hex[:8]}"
        made = await keys.make(self.db, "subscriber", name, scopes, NOW)
        if permitted:
            await ledger.permit(self.db, ME, name, NOW)
        return made

    async def partners_key(self, name: str, *scopes: str) -> str:
        return await keys.make(self.db, "partner", name, scopes, NOW)

    async def enter(self, token: str) -> httpx.Response:
        """Open a page by a link."""
        return await self.http.get(f"/enter/{token}")

    async def form_word(self, path: str = "/me") -> str:
        """What the forms of the page carry."""
        found = re.search(r'name="word" value="([0-9a-f]{64})"', (await self.http.get(path)).text)
        assert found is not None
        return found[1]

    async def status(self, path: str, bearer: str = "", method: str = "GET", **more: Any) -> int:
        headers = {**more.pop("headers", {}), **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        return (await self.http.request(method, path, headers=headers, **more)).status_code


def link(who: str, *, role: tokens.Role = "person", key: str = KEY, **until: float) -> str:
    expires = datetime.now(UTC) + timedelta(**(until or {"hours": 1}))
    return tokens.signed(tokens.made("link", role, who, expires), bytes.fromhex(key))


@asynccontextmanager
async def stands(postgres_dsn: str, policies_at: Path = ROOT / "policies") -> AsyncIterator[Stand]:
    schema = f"portal_{uuid.uuid4().hex}"
    settings = {"search_path": schema, "timezone": "UTC"}
    pool = await asyncpg.create_pool(postgres_dsn, min_size=1, max_size=4, server_settings=settings)
    await pool.execute(f"create schema {schema}")
    async with pool.acquire() as connection:
        await migrate(connection, [ROOT / "goodstanding" / "portal" / "feed" / "migrations"])
    for who in (ME, SOMEBODY):
        await write(pool, who)
    given = PortalSettings(kafka="127.0.0.1:1", portal_key=KEY, fingerprint_key=KEY, policies=policies_at)
    clock = cast(Clock, SimpleNamespace(now=lambda: NOW.astimezone(UTC)))
    async with opened(pool, clock, given, policies.load(given)) as office:
        transport = httpx.ASGITransport(application(office), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://portal.example") as http:
            yield Stand(http, pool, office)
    await pool.execute(f"drop schema {schema} cascade")
    await pool.close()


async def write(db: asyncpg.Pool, who: str) -> None:
    """What the feed would have kept of somebody with a record whose partner is hostile."""
    of = view("hostile", "en")
    last = of.known.scores[-1]
    assert of.known.present is not None
    for row in of.known.scores:
        await db.execute(
            "insert into score (shard, user_id, version, as_of, run, policy, evaluation) values ($1,$2,$3,$4,$5,$6,$7)",
            *key_of(who),
            row.version,
            row.as_of,
            row.run,
            row.policy,
            row.evaluation,
        )
    await db.execute(
        "insert into person (shard, user_id, version, as_of, run, policy, score, evaluation, records, tier) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        *key_of(who),
        last.version,
        last.as_of,
        last.run,
        last.policy,
        of.found.score if of.found else 0,
        last.evaluation,
        encode(RecordsHeld(records=of.known.records)),
        None if of.known.tier is None else encode(of.known.tier),
    )
