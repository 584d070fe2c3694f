"""A new partner's past, sent to a platform that is live: some closed months take its events for a while (rules E24)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from aiokafka import AIOKafkaProducer, TopicPartition

from goodstanding.errors import UserError
from goodstanding.loading.sorting import Days
from goodstanding.partner.evidence import READ_BY
from goodstanding.platform.deployment import Deployment
from goodstanding.reading.offsets import Offsets, asking
from goodstanding.reading.progress import Progress
from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from shared.contracts import zones
from shared.contracts.months import month_name, month_number, month_of
from shared.contracts.topics import group_of, raw_topic
from shared.kafka.sender import started

_POLL_S = 0.1
_STALLED_AFTER_S = 120.0
_RESTART = "Repeat the command, and it goes on."


def window_of(partner: str, days: Days, now: datetime, zone: str) -> str:
    """The declared months as the scorer is told of them. Raises UserError where none are declared, or too many."""
    if days.since is None or days.until is None or days.since >= days.until:
        raise UserError(
            "This platform is live, so the past of a new partner is sent for declared days only.",
            "Say which: --from DATE --until DATE. A whole past is loaded into a platform that was set up for it: "
            "goodstanding local up --loading",
        )
    first, last = month_number(days.since), month_number(days.until)
    if first < (earliest := month_of(now, zones.zone(zone)) - WINDOW_MONTHS_MAX):
        raise UserError(
            f"No score looks at months before {month_name(earliest)}.",
            f"Declare later days: --from {month_name(earliest)}-01",
        )
    return f"{partner}:{month_name(first)}:{month_name(last)}"


def unfinished(window: str) -> tuple[str, str]:
    """What is to be said of a backfill whose months are open: a sentence, and what to do."""
    partner, first, last = window.split(":")
    return (
        f"A backfill of {partner} is not over, and closed months take its events until it is.",
        f"If it is not running now, repeat its command, with --from in {first} and --until in {last}: "
        f"goodstanding import FILE --partner {partner} --from DATE --until DATE",
    )


def check_new(deployment: Deployment, window: str) -> None:
    """Raises UserError for a partner who is not new; one whose backfill was interrupted is."""
    if deployment.settings.backfill == window:
        return
    if deployment.settings.backfill:
        raise UserError(*unfinished(deployment.settings.backfill))
    partner = window.partition(":")[0]
    if asyncio.run(_ends(deployment, partner)):
        raise UserError(
            f"{partner} has sent events before, and which of them counted in closed months nobody knows any more.",
            "Only a partner who is new can be backfilled, before it sends its first event.",
        )


async def _ends(deployment: Deployment, partner: str) -> int:
    """How many events the partner has ever sent: offsets outlive what Kafka deletes."""
    async with asking(deployment.kafka) as offsets:
        return sum((await offsets.ends([raw_topic(partner)])).values())


class Present:
    """Takes the place of a `Leader` where nobody leads the clock: it only waits until what was sent is taken."""

    def __init__(self, deployment: Deployment, partner: str, offsets: Offsets, producer: AIOKafkaProducer) -> None:
        self._deployment, self._partner = deployment, partner
        self.offsets, self.producer = offsets, producer

    async def to(self, instant: datetime) -> None:
        """Time passes by itself."""

    async def jump(self, instant: datetime) -> None:
        """Time passes by itself."""

    async def drain(self) -> None:
        """Return when the services have taken what the partner has sent until now; others go on sending meanwhile.
        Raises UserError."""
        await self._until_ingest(await self.offsets.ends([raw_topic(self._partner)]))
        for topic, service in READ_BY.items():
            ends = {at: end for at, end in (await self.offsets.ends([topic])).items() if end}
            async with Progress.at(self._deployment.dsn(service)) as progress:
                if await progress.until_past(ends, time.monotonic() + _STALLED_AFTER_S):
                    raise UserError(f"{service} has not come to all events in time.", _RESTART)

    async def _until_ingest(self, ends: Mapping[TopicPartition, int]) -> None:
        deadline = time.monotonic() + _STALLED_AFTER_S
        while True:
            committed = await self.offsets.committed(group_of("ingest"))
            if all(committed.get(at, 0) >= end for at, end in ends.items()):
                return
            if time.monotonic() > deadline:
                raise UserError("ingest has not come to all events in time.", _RESTART)
            await asyncio.sleep(_POLL_S)  # nobody tells how far a group is: it has to be asked


@asynccontextmanager
async def present(deployment: Deployment, partner: str) -> AsyncIterator[Present]:
    async with AsyncExitStack() as ends:
        offsets = await ends.enter_async_context(asking(deployment.kafka))
        producer = await ends.enter_async_context(started(deployment.kafka))
        yield Present(deployment, partner, offsets, producer)
