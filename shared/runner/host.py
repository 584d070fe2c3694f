"""What a shard needs from the process it lives in, and the few things both kinds of shard share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import asyncpg

from shared.clock import Clock
from shared.runner.buffer import Budget
from shared.runner.inputs import Inputs
from shared.runner.metrics import Metrics
from shared.runner.service import OwnTopic
from shared.runner.traces import Traces
from shared.settings import ServiceSettings, StatefulSettings


class ContradictionError(Exception):
    """Kafka and what was written down contradict each other (decision 0014). str(error) is the whole sentence for
    readiness, with the command that resolves it."""

    def __init__(self, sentence: str, in_short: Sequence[str] = ()) -> None:
        """`in_short` says in a few words what the operator has to decide; empty where the operator has nothing to
        decide."""
        super().__init__(sentence)
        self.in_short = tuple(in_short)


class DoubtError(Exception):
    """Kafka has changed under a running shard, which must look again before it goes on."""


@dataclass(frozen=True, slots=True)
class Host:
    settings: ServiceSettings
    clock: Clock
    metrics: Metrics
    pool: asyncpg.Pool | None
    traces: Traces | None = None
    """None where nobody asks for traces."""
    budget: Budget = field(init=False)
    """Of all shards of the process."""
    saying_again: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    """Held by the shard that says everything again: what it knows of everybody meanwhile is in memory once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "budget", Budget(self.settings.buffer_bytes_max))

    @property
    def stateful(self) -> StatefulSettings:
        """The settings, for a shard with state: a service that has it is started with settings for it."""
        assert isinstance(self.settings, StatefulSettings)
        return self.settings


@dataclass(frozen=True, slots=True)
class Home:
    """What a shard has for good: its number, its service and that service's own topic, its inputs, and its process."""

    index: int
    service: str
    host: Host
    inputs: Inputs
    own: OwnTopic | None = None

    @property
    def pool(self) -> asyncpg.Pool:
        assert self.host.pool is not None, "a service with state is started with its database"
        return self.host.pool


async def stopped_within(stop: asyncio.Event, delay_s: float) -> bool:
    """Wait before a next try; true at once when there is to be none."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(delay_s):
            await stop.wait()
    return stop.is_set()


def backoff() -> Iterator[float]:
    """Seconds to wait before each next try, for ever: 0.1 doubling up to 2."""
    delay_s = 0.1
    while True:
        yield delay_s
        delay_s = min(delay_s * 2, 2.0)
