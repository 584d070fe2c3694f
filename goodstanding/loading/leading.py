"""Leads the clock of a platform that is loading through its past, and stops wherever something happens by itself.

A record lapses on its day and a score is published on its day, whenever the events of that month were sent. So the
clock stands still at each instant at which retention has something to do, and at each monthly run, until all services
are done with it: the state that comes of it is that of a platform that has lived through these months.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer
from pydantic import SecretStr

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.reading.offsets import Offsets
from goodstanding.simulation.driver import Driver, Lag, driving
from services.scorer import loading as scorer_files
from services.scorer.core.policy import Policy
from services.scorer.settings import ScorerSettings

_NEXT_DUE = "select min(at) from next_due where at > $1"

Watch = Callable[[datetime, Lag], None]


class Leader:
    """Make one with `leading`. `stands_at` is what the clock shows."""

    def __init__(
        self, driver: Driver, retention: asyncpg.Connection, policy: Policy, stands_at: datetime, watch: Watch
    ) -> None:
        self._driver, self._retention, self._policy = driver, retention, policy
        self.stands_at = stands_at
        self._watch = watch

    @property
    def offsets(self) -> Offsets:
        return self._driver.offsets

    @property
    def producer(self) -> AIOKafkaProducer:
        return self._driver.producer

    async def to(self, instant: datetime) -> None:
        """Move the clock forward, with a stop at each instant on the way at which something is due; nothing is left to
        do when this returns. Where the clock is there already, or beyond, nothing happens. Raises StalledError."""
        while self.stands_at < instant:
            next_ = min(instant, self._next_run(), await self._next_due() or instant)
            await self._driver.set(next_)
            self.stands_at = next_
            await self.drain(sent=False)

    async def jump(self, instant: datetime) -> None:
        """Move the clock of a platform in which nothing has happened yet, and so nothing can on the way."""
        if self.stands_at < instant:
            await self._driver.set(instant)
            self.stands_at = instant
            await self.drain(sent=False)

    async def drain(self, *, sent: bool = True) -> None:
        """Return when all services are done with what the clock shows, and with all that was `sent`."""
        await self._driver.drain(self.stands_at, lambda lag: self._watch(self.stands_at, lag), sent=sent)

    def run_of(self, month: int) -> datetime:
        """When the scores of the month before are published."""
        return self._policy.instant_of(month)

    def _next_run(self) -> datetime:
        return self._policy.instant_of(self._policy.latest_run(self.stands_at) + 1)

    async def _next_due(self) -> datetime | None:
        due: datetime | None = await self._retention.fetchval(_NEXT_DUE, self.stands_at)
        return due


@asynccontextmanager
async def leading(deployment: Deployment, processes: Sequence[ServiceProcess], watch: Watch) -> AsyncIterator[Leader]:
    """A leader of the deployment's clock; `processes` are those that must live meanwhile. When this begins, everything
    of the present instant is done. Raises UserError."""
    policy = _policy(deployment)
    async with driving(deployment, processes) as driver:
        retention = await asyncpg.connect(deployment.dsn("retention"))
        try:
            leader = Leader(driver, retention, policy, await deployment.now(), watch)
            # What a killed import has sent may not be handled yet.
            await leader.drain()
            yield leader
        finally:
            await retention.close()


def _policy(deployment: Deployment) -> Policy:
    """What the scorer publishes by, for the instants of its runs."""
    return scorer_files.load(
        ScorerSettings(
            kafka="",
            zone=deployment.settings.zone,
            currency=deployment.settings.currency,
            fingerprint_key=SecretStr(deployment.settings.fingerprint_key),
            policies=deployment.policies,
        )
    )


def check_scorecards(deployment: Deployment, since: datetime) -> None:
    """Raises UserError where a run of the time that is loaded has no scorecard, so that it could never be over."""
    policy = _policy(deployment)
    run = policy.latest_run(since) + 1
    if policy.of_run(run) is None:
        first = policy.scorecards[0]
        raise UserError(
            f"The first scorecard, {first.id}, begins on {first.effective_on}, and scores are published from "
            f"{policy.instant_of(run):%Y-%m-%d} on.",
            "Have it begin earlier (`effective_on`), or load later events only: --from DATE",
        )


def directory(deployment: Deployment) -> Path:
    """Where what is loaded lies until it is taken."""
    return deployment.directory / "loading"
