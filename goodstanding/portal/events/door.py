"""All that the portal does with events, opened and closed with its process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from goodstanding.portal.events.judging import Judging
from goodstanding.portal.events.sending import Sending
from goodstanding.portal.events.verdicts import Verdicts
from goodstanding.portal.settings import PortalSettings
from shared.settings import key_bytes


@dataclass(frozen=True, slots=True)
class Events:
    judging: Judging
    sending: Sending
    verdicts: Verdicts


@contextlib.asynccontextmanager
async def events(db: asyncpg.Pool, settings: PortalSettings) -> AsyncIterator[Events]:
    """Kafka is not asked for anything before somebody sends or asks."""
    sending = Sending(settings.connection)
    try:
        yield Events(Judging(settings), sending, Verdicts(db, settings.connection, key_bytes(settings.portal_key)))
    finally:
        await sending.close()
