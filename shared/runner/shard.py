"""What both kinds of shard share: the run loop, stopping, and the trouble that readiness shows."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum

import structlog

from shared import postgres
from shared.kafka.clients import is_cancelled
from shared.runner.blame import in_words
from shared.runner.buffer import Buffer
from shared.runner.host import ContradictionError, DoubtError, Home, backoff, stopped_within
from shared.runner.one_story import questions
from shared.runner.one_story.agreement import Noted
from shared.trust import ClockDoubtError

log = structlog.get_logger("runner")


_CONTRADICTION_DELAY_S = 2.0
"""How soon the operator's word, or a clock that was put right, is noticed."""


class Doing(Enum):
    """What the shard was doing when it failed; its trouble ends when the same succeeds."""

    BEGINNING = "beginning"
    RECORDS = "records"
    TIMERS = "timers"
    SENDING = "sending"


class LeakedCancellationError(Exception):
    """A client library let a CancelledError out although nobody had cancelled this shard."""


class Shard(ABC):
    """Partition `index` of every input, from its assignment until it is stopped."""

    def __init__(self, home: Home) -> None:
        self.index, self._home, self._host, self._inputs = home.index, home, home.host, home.inputs
        records_max = self._host.settings.buffer_records_max
        self.buffer = Buffer(records_max, self._host.budget, self._inputs.pause, self._inputs.resume)
        self.trouble: str | None = "not started yet"
        """Why the shard does not do its work, in words for readiness; None when it does."""
        self.waits_for: Sequence[str] = ()
        """What the operator has to decide before the shard can work, in a few words each, while that is its trouble."""
        self.doing = Doing.BEGINNING
        self._troubled_in = Doing.BEGINNING
        self._stopping = asyncio.Event()
        self._delays = backoff()
        self._doubt = ""

    @property
    @abstractmethod
    def handled_offsets(self) -> dict[str, int]:
        """The next offset of each topic that is not handled yet."""

    @abstractmethod
    async def _work(self) -> None:
        """Work until `_stopping` is set. Whatever it raises is a reason to begin again."""

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """End after the step in hand."""
        self._stopping.set()
        self.buffer.wake.set()

    def let_go(self) -> None:
        """Have nothing to do with its partitions any more, even where it has not ended yet."""
        self.buffer.clear()
        self._inputs.let_go()

    @property
    @abstractmethod
    def noted(self) -> Noted | None:
        """What Kafka must still agree with while the shard works; None when it does not."""

    def doubt(self, sentence: str) -> None:
        """A server has changed under the shard: begin again after the step in hand, and compare first."""
        self._doubt = sentence
        self.buffer.wake.set()

    async def look_again(self) -> None:
        """Ask Kafka whether it still agrees with what was noted, as a shard must that works for weeks."""
        if self.noted and (found := await questions.contradictions(self._home, self.noted)):
            because = " ".join(each.says() for each in found)
            log.error("Kafka has changed under a running shard", shard=self.index, because=because)
            self.doubt(because)

    async def look_at_store(self) -> None:  # noqa: B027  # a shard without a store has nothing to look at
        """Ask Postgres whether it still has what was stored. Apart from Kafka: each is told of by its own name."""

    def raise_doubt(self) -> None:
        """Raises DoubtError, once, when there is a doubt."""
        if self._doubt:
            sentence, self._doubt = self._doubt, ""
            raise DoubtError(sentence)

    async def run(self) -> None:
        """Work until stopped; every failure is tried again for as long as the group gives us the shard."""
        while not self._stopping.is_set():
            self.doing = Doing.BEGINNING
            try:
                await self._work()
            except asyncio.CancelledError as error:
                if is_cancelled():
                    raise
                await self._begin_again(LeakedCancellationError(*error.args))
            except (ContradictionError, ClockDoubtError) as error:
                self.troubled(str(error), error.in_short if isinstance(error, ContradictionError) else ())
                log.error("shard not started", shard=self.index, because=str(error))
                await stopped_within(self._stopping, _CONTRADICTION_DELAY_S)
            except Exception as error:  # noqa: BLE001  # whatever it is, the shard must not end by it
                await self._begin_again(error)

    async def _begin_again(self, error: Exception) -> None:
        if self._host.pool is not None:
            await postgres.begin_anew(self._host.pool, error)
        await stopped_within(self._stopping, self._failed(error))

    def _failed(self, error: Exception) -> float:
        """Say so; the seconds to wait before the next try."""
        self.troubled(f"{in_words(error)}, trying again")
        self._host.metrics.retries.labels(type(error).__name__).inc()
        log.warning("shard begins again after a failure", shard=self.index, exc_info=error)
        return next(self._delays)

    def troubled(self, sentence: str, waits_for: Sequence[str] = ()) -> None:
        self.trouble, self._troubled_in, self.waits_for = sentence, self.doing, waits_for

    def went_through(self, doing: Doing) -> None:
        """What failed in `doing` has been done after all, so that its trouble ends without another success."""
        if self._troubled_in is doing:
            self.trouble = None

    def succeeded(self) -> None:
        """A batch was handled, or a question to the timers answered. Only that ends a trouble, never a beginning."""
        self._delays = backoff()
        if self._troubled_in in (Doing.BEGINNING, Doing.SENDING, self.doing):
            self.trouble = None
