"""Partners that never stop: example events at a steady rate, for a platform that one only wants to watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count, cycle, islice

from goodstanding.partner.mapping_files import sound_mapping_of
from goodstanding.partner.samples import Setting, identifiers, samples
from goodstanding.platform.deployment import Deployment, partners
from shared.contracts import zones
from shared.contracts.partition import partition_of
from shared.contracts.topics import raw_topic
from shared.kafka.sender import send, started
from shared.runner.service import Outgoing

_EVERY_S = 1.0
_TELL_EVERY_S = 10.0
_EVENTS_OF_A_SEED = 10_000
"""After so many events the samples start again, with dates up to the present."""


async def stream(deployment: Deployment, per_second: float, told: Callable[[int], None]) -> None:
    """Send until cancelled; `told` is called now and then with the number that was sent.

    A broker that is away ends it with an error; whoever started it starts it again.
    """
    events = _events(deployment)
    owed, sent, tell_at = 0.0, 0, time.monotonic() + _TELL_EVERY_S
    async with started(deployment.kafka) as producer:
        while True:
            owed += per_second * _EVERY_S
            batch = list(islice(events, int(owed)))
            owed -= len(batch)
            await send(producer, batch)
            sent += len(batch)
            if time.monotonic() >= tell_at:
                told(sent)
                tell_at += _TELL_EVERY_S
            await asyncio.sleep(_EVERY_S)


def _events(deployment: Deployment) -> Iterator[Outgoing]:
    for _ in count():
        now = datetime.now(UTC)
        settings, seed = deployment.settings, int(now.timestamp())
        setting = Setting(
            settings.currency, zones.zone(settings.zone), now, identifier=identifiers(settings.identity_scheme)
        )
        mappings = {name: sound_mapping_of(name, settings) for name in partners()}
        sources = [(raw_topic(name), samples(name, each, setting, seed=seed)) for name, each in mappings.items()]
        for topic, source in islice(cycle(sources), _EVENTS_OF_A_SEED):
            event = next(source)
            yield Outgoing(topic, event.key, event.value, event.headers, partition_of(event.key.hex()))
