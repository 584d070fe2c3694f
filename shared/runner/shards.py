"""Which shards this process works on: they come and go with the group's assignments, and each is watched."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from shared.contracts.partition import PARTITIONS
from shared.contracts.topics import topics
from shared.kafka import sender
from shared.kafka.losses import Losses
from shared.kafka.unreadable import Fetched
from shared.runner.forward import ForwardShard
from shared.runner.host import Home, Host
from shared.runner.inputs import Inputs
from shared.runner.lag import Lag, Stalls, lag
from shared.runner.one_story.claim_check import note_of
from shared.runner.service import Service, Stateful
from shared.runner.shard import Shard
from shared.runner.shard_troubles import together
from shared.runner.stateful import StatefulShard
from shared.runner.subscription import Subscription

log = structlog.get_logger("runner")

_CANCEL_TIMEOUT_S = 1.0
_START_AGAIN_S = 1.0
"""A shard whose task ended is started again after this: long enough that a fault which repeats costs nothing."""
_HANDED_OUT_WITHIN_S = 10.0
"""A group whose processes are all well hands its shards out again within seconds."""
_COMPACTED = frozenset(topic.name for topic in topics(()) if topic.cleanup == "compact")
"""Here Kafka drops what a newer message of the same key has superseded, so holes in the offsets are no loss."""


class Shards(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """The shards of one process, and the subscription that feeds them."""

    def __init__(self, service: Service, host: Host) -> None:
        self._service, self._host = service, host
        self.shards: dict[int, Shard] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._joined = False
        self._revoked_at: float | None = None
        """Since when the group is handing out its shards again, by the monotonic clock."""
        self._split: dict[int, str] = {}
        """The shards that this process cannot have, each with the reason."""
        self._topics = frozenset(source.topic for source in service.inputs if source.topic)
        self._losses = Losses(host.metrics.lost)
        self._stalls = Stalls()
        self._progress: dict[TopicPartition, OffsetAndMetadata] = {}
        self.subscription = Subscription(
            service.name,
            service.inputs,
            host.settings,
            self._losses,
            compacted=_COMPACTED,
            listener=self,
            hand_over=self._hand_over,
        )

    @property
    def consumer(self) -> AIOKafkaConsumer:
        return self.subscription.consumer

    # -- lifecycle -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.subscription.start()

    async def heal(self) -> None:
        """Replace a consumer that is dead. Whatever fails or is cut off here is tried again by the next call."""
        if self.subscription.is_dead:
            self._joined = False
            await self._drop(self.shards)
            await self.subscription.replace()

    async def stop(self) -> None:
        """Finish the steps in hand, then leave the group, so that the successors find nothing under way."""
        if held := self.subscription.assignment():
            self.consumer.pause(*held)
        await self._drop(self.shards)
        await self.subscription.stop()

    def _hand_over(self, records: Sequence[Fetched]) -> None:
        for partition, part in groupby(records, key=lambda record: record.partition):
            if shard := self.shards.get(partition):
                shard.buffer.put(list(part))

    # -- assignment ----------------------------------------------------------------------------------------------------

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Pause before anything is fetched, then let each shard claim and seek in a task of its own."""
        self.consumer.pause(*assigned)
        for tp in assigned:
            # Any position will do until the shard says its own: without one the library would look for one.
            self.consumer.seek(tp, 0)
        self._joined, self._revoked_at = True, None
        self._split.clear()
        found = {tp.topic for tp in assigned}
        for index in sorted({tp.partition for tp in assigned}):
            held = {tp.topic for tp in assigned if tp.partition == index}
            # A partition that was added to each of its topics is whole, and no person's.
            if not self._topics <= held or (self._topics and index >= PARTITIONS):
                self._split[index] = self._why_split()
                log.error("shard not started", shard=index, because=self._split[index])
                continue
            self._start_shard(index, frozenset(held if self._topics else found))
        self._host.metrics.shards.set(len(self.shards))
        log.info("shards assigned", shards=sorted(self.shards))

    def _why_split(self) -> str:
        for topic in sorted(self._topics):
            if sentence := sender.wrong_partitions(topic, self.consumer.partitions_for_topic(topic) or ()):
                return sentence
        # Processes of two releases that read different topics; it passes when the last old one is gone.
        return "another process has some of its inputs"

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._revoked_at = time.monotonic()
        if self.shards:
            log.info("shards handed back", shards=sorted(self.shards))
        await self._drop({tp.partition for tp in revoked} & self.shards.keys())

    def _start_shard(self, index: int, topics: frozenset[str]) -> None:
        inputs = Inputs(self.subscription, index, topics, self._losses)
        if ended := self.shards.get(index):
            ended.buffer.clear()
        shard = self.shards[index] = _shard(index, self._service, self._host, inputs)
        task = self._tasks[index] = asyncio.create_task(shard.run(), name=f"{self._service.name}-{index}")
        task.add_done_callback(partial(self._ended, shard, topics, inputs))

    def _ended(self, shard: Shard, topics: frozenset[str], inputs: Inputs, task: asyncio.Task[None]) -> None:
        """A shard works until it is told to stop. Whatever else ends its task must not end its work in silence."""
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self.shards.get(shard.index) is not shard:
            return
        reason = type(error).__name__ if error else "no reason given"
        shard.trouble = f"its task has ended ({reason}), starting again"
        self._host.metrics.retries.labels(reason).inc()
        log.error("a shard's task has ended", shard=shard.index, exc_info=error)
        inputs.pause()
        self._tasks[shard.index] = asyncio.create_task(self._start_again(shard, topics))

    async def _start_again(self, shard: Shard, topics: frozenset[str]) -> None:
        await asyncio.sleep(_START_AGAIN_S)
        if self.shards.get(shard.index) is shard:
            self._start_shard(shard.index, topics)

    async def _drop(self, indexes: Iterable[int]) -> None:
        """Stop shards after their step in hand; a step that hangs is cut off, which its transaction survives."""
        shards = {index: self.shards.pop(index) for index in list(indexes)}
        tasks = [self._tasks.pop(index) for index in shards]
        for shard in shards.values():
            shard.stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._host.settings.drain_timeout_s)
            for task in late:
                task.cancel()
            if late:
                # Not for longer: where a server stands still, its client may wait for it even when cancelled.
                await asyncio.wait(late, timeout=_CANCEL_TIMEOUT_S)
        for index, shard in shards.items():
            shard.let_go()
            self._host.metrics.shard_left(index)
        self._host.metrics.shards.set(len(self.shards))

    async def look_again(self) -> None:
        """Whether Kafka is still the one that each shard works from: a topic can be made again under a service."""
        await asyncio.gather(*(shard.look_again() for shard in list(self.shards.values())))

    async def look_at_store(self) -> None:
        """Whether Postgres still has what each shard has stored: an older copy can be put back under a service."""
        await asyncio.gather(*(shard.look_at_store() for shard in list(self.shards.values())))

    # -- what operators see --------------------------------------------------------------------------------------------

    def troubles(self) -> list[str]:
        """Why this process does not do its share, in words; empty when it does."""
        reading = self.subscription.troubles()
        if not self._joined:
            return [*(reading or ["not yet in the consumer group"]), *self._losses.troubles()]
        if self._revoked_at is not None and time.monotonic() - self._revoked_at > _HANDED_OUT_WITHIN_S:
            reading = [*reading, "its group is handing out the shards again, and has not finished"]
        shards = {index: shard.trouble for index, shard in self.shards.items() if shard.trouble}
        return [*reading, *together(self._split), *together(shards), *self._stalls.troubles(), *self._losses.troubles()]

    def waits_for(self) -> list[str]:
        """What the operator has to decide before all shards can work, each in a few words and once."""
        waiting = (shard.waits_for for _, shard in sorted(self.shards.items()) if shard.trouble)
        return list(dict.fromkeys(each for some in waiting for each in some))

    def spare(self) -> str | None:
        """Not a trouble: were a spare process not ready, no rolling update with one process more could go on."""
        if self._joined and not self.shards and not self._split:
            return (
                "no shards: the service has more processes than its topics have partitions, or one of them is still "
                "to hand its shards over; this process takes over when another one ends"
            )
        return None

    async def measure(self) -> dict[TopicPartition, Lag]:
        """Of each partition held, what is not handled yet. Looks for stalls on the way, and notes what `show_progress`
        will commit.

        A partition whose shard is still finding out where it goes on is left out: to say 0 of it would be a guess.
        """
        held = self.subscription.assignment()
        ends = await self.consumer.end_offsets(held) if held else {}
        positions = self.subscription.positions()
        # Paused partitions wait for their shard, and the end of a compacted log may be a hole.
        reading = {tp for tp in held - self.consumer.paused() if tp.topic not in _COMPACTED}
        # The broker's answer ends where a transaction is open, but a fetch tells how much lies behind that, too.
        seen = {tp: max(end, self.consumer.highwater(tp) or 0) for tp, end in ends.items() if tp in reading}
        behind = {tp: positions[tp] for tp, end in seen.items() if positions.get(tp, end) < end}
        self._stalls.look(behind, time.monotonic())
        measured = {tp: self._lag(tp, end, positions.get(tp, 0)) for tp, end in ends.items()}
        known = {tp: found for tp, found in measured.items() if found is not None}
        # With the note of whose deployment works here, which a commit without one would take away.
        self._progress = {
            tp: OffsetAndMetadata(ends[tp] - found.records, note.text())
            for tp, found in known.items()
            if isinstance(shard := self.shards.get(tp.partition), StatefulShard)
            and (noted := shard.noted)
            and (note := note_of(noted, tp.topic))
        }
        return known

    async def show_progress(self) -> None:
        """Commit how far shards with a database have come, for programs that show or act on the lag of a group. Nothing
        is ever read from there: where such a shard goes on is in its database."""
        held = self.subscription.assignment()
        if progress := {tp: at for tp, at in self._progress.items() if tp in held}:
            # A rebalance in between; the next time says more.
            with contextlib.suppress(KafkaError, IllegalStateError):
                await self.consumer.commit(progress)

    def _lag(self, tp: TopicPartition, end: int, position: int) -> Lag | None:
        if (shard := self.shards.get(tp.partition)) is None:
            return lag(end, position, 0, None)
        handled = shard.handled_offsets
        if not handled and shard.noted is None:
            return None
        return lag(end, position, handled.get(tp.topic, 0), shard.buffer.oldest)


def _shard(index: int, service: Service, host: Host, inputs: Inputs) -> Shard:
    mode = service.mode
    if isinstance(mode, Stateful):
        return StatefulShard(Home(index, service.name, host, inputs, mode.own), mode)
    return ForwardShard(Home(index, service.name, host, inputs), mode)
