"""What a desk's pages need beside the tables: what lies on Kafka, read when somebody asks, and previews of policies."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from goodstanding.dead_letters.letters import State, letters
from goodstanding.dead_letters.redrive import noted
from goodstanding.errors import UserError
from goodstanding.portal.desk.previews import Previews
from goodstanding.portal.events.verdicts import Verdicts
from goodstanding.portal.policies import Policies
from goodstanding.portal.settings import PortalSettings
from shared.kafka.between import StandstillError
from shared.partner_files import partner_names
from shared.toml_file import ConfigError

log = structlog.get_logger("portal")
_READ_AGAIN_S = 10.0
_FAILURES = (KafkaError, OSError, StandstillError, ConfigError, UserError, asyncpg.PostgresError)


class Desk:
    """`letters` are the dead letters about which nothing was done, by service and code; None before they were read."""

    def __init__(self, settings: PortalSettings, verdicts: Verdicts, previews: Previews) -> None:
        self._settings, self._verdicts, self.previews = settings, verdicts, previews
        self.letters: Counter[tuple[str, str]] | None = None
        self._reading: asyncio.Task[None] | None = None
        self._read_at_s = float("-inf")

    def read_on(self) -> bool:
        """Start to read the refusals and dead letters that have come since, unless they were read just now. Returns
        whether they are being read; a page does not wait for that."""
        if self._reading is None or self._reading.done():
            if time.monotonic() - self._read_at_s < _READ_AGAIN_S:
                return False
            self._reading = asyncio.create_task(self._read())
        return True

    async def _read(self) -> None:
        try:
            for partner in partner_names(self._settings.partners):
                await self._verdicts.read_on(partner)
            found = [message async for message in noted(self._settings.connection)]
        except _FAILURES as error:
            log.warning("what lies on Kafka cannot be read for the desk", exc_info=error)
        else:
            undone = [each for each in letters(found, {}) if each.state not in (State.REDRIVEN, State.DISMISSED)]
            self.letters = Counter((each.service, each.code) for each in undone)
        self._read_at_s = time.monotonic()

    def close(self) -> None:
        self.previews.close()
        if self._reading is not None:
            self._reading.cancel()


@contextlib.asynccontextmanager
async def desk(
    db: asyncpg.Pool, settings: PortalSettings, policies: Policies, verdicts: Verdicts
) -> AsyncIterator[Desk]:
    made = Desk(settings, verdicts, Previews(db, policies))
    try:
        yield made
    finally:
        made.close()
