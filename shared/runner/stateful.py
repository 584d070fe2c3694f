"""One shard of a service with state: its life from the claim until it is stopped or another process claims it.

It is Unclaimed, Claimed, Working or Lost; docs/runner.md has the picture, and `FOLLOWS` the arrows.

Why nothing is lost or doubled: state, read offsets and outgoing messages change in one transaction, and only while the
epoch is ours. A kill before the commit leaves nothing; a kill after it leaves the outbox, which the next owner sends
before anything newer. Any failure whose effect is unknown ends in a new claim, which reads the truth from the database.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeAlias

import asyncpg
import structlog

from shared.contracts.topics import transactional_id
from shared.kafka.sender import started
from shared.runner import pace, store
from shared.runner.answers import M, S, W
from shared.runner.delivery import Outbox
from shared.runner.host import Home, stopped_within
from shared.runner.one_story import claim_check
from shared.runner.one_story.agreement import Noted
from shared.runner.owned import Owned
from shared.runner.service import Stateful
from shared.runner.shard import Doing, Shard
from shared.runner.working import Portions, Working

log = structlog.get_logger("runner")

_LOST_DELAY_S = 2.0
"""Some heartbeats long: by then the group has taken the shard from a process that was only slow to notice."""


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """`epoch` of our last claim: as long as nobody has claimed the shard since, it is ours to claim again."""

    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Claimed(Generic[M, S, W]):
    """The epoch is ours, and earlier producers are shut out; what the outbox holds is being sent."""

    owned: Owned[M, S, W]


@dataclass(frozen=True, slots=True)
class Lost:
    """A zombie learns from the group within a heartbeat or two that the shard no longer belongs to it, and is stopped
    while it waits here. The owner that a zombie has fenced takes the shard back."""


Phase: TypeAlias = Unclaimed | Claimed[Any, Any, Any] | Working[Any, Any, Any] | Lost

FOLLOWS: Mapping[type, frozenset[type]] = MappingProxyType(
    {
        Unclaimed: frozenset({Claimed, Lost}),
        Claimed: frozenset({Working, Unclaimed, Lost}),
        Working: frozenset({Unclaimed, Lost}),
        Lost: frozenset({Unclaimed}),
    }
)
"""Which state may follow which; the picture in docs/runner.md shows the same."""


class StatefulShard(Shard, Generic[M, S, W]):
    """Owns shard `index` from its claim until it is stopped or another process claims it."""

    def __init__(self, home: Home, mode: Stateful[M, S, W]) -> None:
        super().__init__(home)
        self.phase: Phase = Unclaimed()
        self._mode, self._outbox = mode, Outbox(home.service, home.index)
        self._portions = Portions(pace.first(self._host.settings.batch_records_max))
        self._handled: dict[str, int] = {}
        """How far the last claim is known to have come."""
        self._unanswered = False
        """Whether the last claim got no answer: then it may itself be what has moved the epoch."""

    async def run(self) -> None:
        # For as long as it works: a clock that is set for years would keep every shard that was ever here.
        with self._host.clock.waking(self._clock_moved):
            await super().run()

    @property
    def handled_offsets(self) -> dict[str, int]:
        if isinstance(self.phase, Claimed | Working):
            return self.phase.owned.progress.offsets
        return self._handled

    @property
    def noted(self) -> Noted | None:
        return self.phase.owned.noted if isinstance(self.phase, Working) else None

    async def look_at_store(self) -> None:
        """A shard that has nothing to do would not notice that an older copy was put back."""
        if isinstance(self.phase, Working):
            steps = self.phase.owned.steps
            # Another check says whether Postgres answers at all.
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if (await store.peek(self._home.pool, self.index)).steps < steps:
                    self.doubt("an older copy of the database was put back")

    def _clock_moved(self) -> None:
        if isinstance(self.phase, Working):
            self.phase.clock_moved()
        self.buffer.wake.set()

    async def _work(self) -> None:
        try:
            await self._own()
        except store.FencedError:
            self._become(Lost())
            self.doing = Doing.BEGINNING
            by = (
                "another process, or by this one in a try that got no answer" if self._unanswered else "another process"
            )
            self._unanswered = False
            self.troubled(f"claimed by {by}")
            log.warning("shard lost", shard=self.index, claimed_by=by)
            self._outbox.forget()
            await stopped_within(self._stopping, _LOST_DELAY_S)
            self._become(Unclaimed())
        finally:
            self._inputs.pause()
            self._fall_back()

    async def _own(self) -> None:
        """Claim, send what the outbox holds, go to the stored offsets, then work.

        The order is the fence: the epoch moves before the broker refuses earlier producers, and the outbox is read
        under the epoch after that. So whoever sends has been initialized after every earlier claim, and a former owner
        can neither commit nor send behind the messages of its successor.
        """
        home = self._home
        before = self.phase.epoch if isinstance(self.phase, Unclaimed) else None
        # Before the claim: a process of a wrong deployment must not fence the right one, every few seconds.
        await claim_check.look(home)
        claim = await self._asked_for(before)
        self.phase = Unclaimed(claim.epoch)
        claim = await claim_check.check_claim(
            home, claim, lambda: self.troubled("what the operator decided is done now")
        )
        async with started(home.host.settings.connection, transactional_id(home.service, self.index)) as producer:
            owned: Owned[M, S, W] = Owned(home, self._mode, self._outbox, claim, producer)
            self._become(Claimed(owned))
            await owned.send_pending()
            self.went_through(Doing.SENDING)
            if _is_past(claim.progress.offsets, self._handled):
                # The step whose commit got no answer has been committed. Perhaps nothing is left to be read, and the
                # next record comes in hours.
                self.went_through(Doing.RECORDS)
            self.buffer.clear()
            await self._inputs.start_at(claim.progress.offsets)
            log.info("shard claimed", shard=self.index, epoch=claim.epoch)
            working = Working(self, owned, self._host, self._portions)
            self._become(working)
            await working.run()

    async def _asked_for(self, before: int | None) -> store.Claim:
        try:
            claim = await store.claim(self._home.pool, self.index, epoch=before)
        except store.FencedError:
            raise
        except BaseException:
            self._unanswered = True
            raise
        self._unanswered = False
        return claim

    def _become(self, phase: Phase) -> None:
        assert type(phase) in FOLLOWS[type(self.phase)], f"{type(self.phase).__name__} to {type(phase).__name__}"
        self.phase = phase

    def _fall_back(self) -> None:
        """After a failure, or when stopped: the epoch is still ours until another claim says otherwise."""
        if isinstance(self.phase, Claimed | Working):
            self._handled = self.phase.owned.progress.offsets
            if self.phase.owned.sending:
                self.doing = Doing.SENDING
            self._become(Unclaimed(self.phase.owned.epoch))


def _is_past(offsets: Mapping[str, int], known: Mapping[str, int]) -> bool:
    return any(offset > known.get(topic, 0) for topic, offset in offsets.items())
