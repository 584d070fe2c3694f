"""Sends what is due, signed, until it is taken or three days have passed (Standard Webhooks)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpcore
import structlog
from standardwebhooks import Webhook

from goodstanding.errors import UserError
from goodstanding.portal.hooks.addresses import AddressError, CheckedNetwork, check_url
from goodstanding.portal.keys import HOLDER, NAME_FORM
from shared.postgres import DbOrPool, queries

log = structlog.get_logger("webhooks")
SQL = queries(Path(__file__).with_name("webhooks.sql"))

_LOOK_EVERY_S = 1.0
_AT_ONCE = 50
_FORGET_EVERY_S = 300.0
_TIMEOUT_S = 15.0
_BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600))
"""Between one try and the next; the last one is repeated until three days have passed."""
OVERLAP = timedelta(days=1)
"""For so long the secret before the present one is valid too, so that a subscriber can change without missing any."""
_SECRET_BYTES = 32


def signatures(message: str, at: datetime, body: bytes, secret: str, before: str | None) -> str:
    """The header: one signature for each secret that is valid."""
    valid = [secret, *([before] if before else [])]
    return " ".join(Webhook(each).sign(message, at, body.decode()) for each in valid)


def next_try(attempts: int, now: datetime) -> datetime:
    """When the next try is after so many that have failed, a little later for some, so that not all come at once."""
    wait = _BACKOFF[min(attempts, len(_BACKOFF)) - 1]
    return now + wait * (1 + secrets.randbelow(100) / 1_000)


class Sender:
    """Sends for one process; several may work side by side, each delivery being taken by one."""

    def __init__(self, db: DbOrPool, *, allows_private: bool) -> None:
        self._db, self._allows_private = db, allows_private
        self._http = httpcore.AsyncConnectionPool(
            network_backend=CheckedNetwork(allows_private=allows_private),
            # A connection that is kept would go on to an address that may be another's by then.
            max_keepalive_connections=0,
            retries=0,
        )

    async def send_due(self, now: datetime) -> int:
        """Send what is due at this time; how many were tried."""
        rows = await self._db.fetch(SQL["take"], now, _AT_ONCE)
        await asyncio.gather(*(self._deliver(row, now) for row in rows))
        return len(rows)

    async def _deliver(self, row: asyncpg.Record, now: datetime) -> None:
        key = row["webhook"], row["message"]
        if row["ended"]:
            await self._db.execute(SQL["dead"], *key, "the webhook was taken away")
            return
        if not row["permitted"]:
            await self._db.execute(SQL["drop"], *key)
            return
        failed = await self._failure(row, now)
        if failed is None:
            await self._db.execute(SQL["done"], *key, now)
        elif now >= row["give_up_at"]:
            log.warning("given up", webhook=row["webhook"], because=failed)
            await self._db.execute(SQL["dead"], *key, failed)
        else:
            await self._db.execute(SQL["later"], *key, next_try(row["attempts"], now), failed)

    async def _failure(self, row: asyncpg.Record, now: datetime) -> str | None:
        """Why it was not taken, in words of ours; None if it was."""
        try:
            check_url(row["url"], allows_private=self._allows_private)
            async with asyncio.timeout(_TIMEOUT_S):
                response = await self._http.request(
                    "POST",
                    row["url"],
                    headers={
                        "content-type": "application/json",
                        "user-agent": "goodstanding",
                        "webhook-id": row["message"],
                        "webhook-timestamp": str(int(now.timestamp())),
                        "webhook-signature": signatures(
                            row["message"], now, row["body"], row["secret"], row["secret_before"]
                        ),
                    },
                    content=row["body"],
                )
        except AddressError as error:
            return str(error)
        except TimeoutError:
            return f"no answer within {_TIMEOUT_S:.0f} s"
        except httpcore.TimeoutException:
            return "no connection in time"
        except Exception as error:  # noqa: BLE001  # whatever one address leads to, the others are sent to
            return type(error).__name__
        return None if 200 <= response.status < 300 else f"answered {response.status}"

    async def close(self) -> None:
        await self._http.aclose()


@contextlib.asynccontextmanager
async def sending(db: DbOrPool, *, allows_private: bool) -> AsyncIterator[None]:
    """Sends while the context lasts."""
    sender = Sender(db, allows_private=allows_private)
    working = asyncio.create_task(_work(sender, db))
    try:
        yield
    finally:
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
        await sender.close()


async def _work(sender: Sender, db: DbOrPool) -> None:
    forgot_at = 0.0
    loop = asyncio.get_running_loop()
    while True:
        try:
            tried = await sender.send_due(datetime.now(UTC))
            if loop.time() - forgot_at > _FORGET_EVERY_S:
                forgot_at = loop.time()
                await db.execute(SQL["forget"], datetime.now(UTC))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("webhooks wait", exc_info=error)
            tried = 0
        if not tried:
            await asyncio.sleep(_LOOK_EVERY_S)


# -- what the operator does --------------------------------------------------------------------------------------------


def new_secret() -> str:
    return f"whsec_{b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


async def add(
    db: DbOrPool, subscriber: str, url: str, now: datetime, *, allows_private: bool = False
) -> tuple[str, str]:
    """The id and the secret of a new webhook. Raises UserError."""
    if not HOLDER.fullmatch(subscriber):
        raise UserError(f"{subscriber} is no name.", NAME_FORM)
    try:
        check_url(url, allows_private=allows_private)
    except AddressError as error:
        raise UserError(str(error)) from None
    id, secret = secrets.token_hex(6), new_secret()
    await db.execute(
        "insert into webhook (id, subscriber, url, secret, made_at) values ($1, $2, $3, $4, $5)",
        id,
        subscriber,
        url,
        secret,
        now,
    )
    return id, secret


async def rotate(db: DbOrPool, id: str, now: datetime) -> str:
    """Another secret; the present one is valid for a day more. Raises UserError."""
    secret = new_secret()
    done = await db.fetchval(
        "update webhook set secret_before = secret, before_until = $3, secret = $2 where id = $1 and ended_at is null "
        "returning id",
        id,
        secret,
        now + OVERLAP,
    )
    return _there(done, id) and secret


async def end(db: DbOrPool, id: str, now: datetime) -> None:
    """Raises UserError."""
    done = await db.fetchval(
        "update webhook set ended_at = $2 where id = $1 and ended_at is null returning id", id, now
    )
    _there(done, id)


async def replay(db: DbOrPool, id: str, since: datetime, now: datetime) -> int:
    """Send again what was said since an instant, in the same order, under the same ids; how many. Raises UserError."""
    done = await db.fetchval("select id from webhook where id = $1 and ended_at is null", id)
    _there(done, id)
    return int((await db.execute(SQL["replay"], id, since, now)).rpartition(" ")[2])


def _there(found: str | None, id: str) -> str:
    if found is None:
        raise UserError(f"There is no webhook {id} in use.", "To see those there are: goodstanding portal webhooks")
    return found


async def known(db: DbOrPool) -> list[dict[str, Any]]:
    """The webhooks, without their secrets, and how many deliveries of each wait and are dead."""
    rows = await db.fetch(
        "select webhook.id, subscriber, url, made_at, ended_at, count(*) filter (where state = 'waiting') as waiting, "
        "count(*) filter (where state = 'dead') as dead, max(failed) filter (where state <> 'done') as failed "
        "from webhook left join delivery on delivery.webhook = webhook.id group by webhook.id order by made_at, id"
    )
    return [dict(row) for row in rows]


async def dead(db: DbOrPool) -> list[dict[str, Any]]:
    """The deliveries that were given up, the latest first."""
    rows = await db.fetch(
        "select webhook, message, at, attempts, failed from delivery where state = 'dead' order by at desc limit 1000"
    )
    return [dict(row) for row in rows]
