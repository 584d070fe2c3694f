"""The client library's consumer, made so that it loses no record and that every call has a bound.

What the library does at its edges, and what is done about it here: docs/upstream.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from types import MethodType
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.errors import (
    ConsumerStoppedError,
    GroupAuthorizationFailedError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.fetch import FetchRequest

from shared.kafka import clients
from shared.kafka.connection import Kafka
from shared.kafka.fetches import FETCHED_BYTES_MAX, FetchedBytes, PartitionReader, Result
from shared.kafka.halts import HaltingClient
from shared.kafka.library import with_names
from shared.kafka.losses import Losses
from shared.kafka.records import CALL_BYTES_MAX, Shared
from shared.kafka.rests import Rests
from shared.kafka.unreadable import Fetched

log = structlog.get_logger("kafka")

_PATIENCE_MS = 100
"""How long a call of a consumer that rests waits for records: FastStream sleeps as long as its own timeout after a call
that brings none."""
_LOST_RIGHT = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)


class ReadingError(KafkaError):  # type: ignore[misc]  # the library has no types
    """The library failed with something that no caller of it expects; nothing of the call was lost."""


# The library has no types, so neither its classes nor what `getmany` returns can be checked.
class CarefulConsumer(clients.Consumer):
    """Hands out everything that can be read, and an `Unreadable` in the place of what cannot.

    To be used with auto_offset_reset="none": a position outside the log is never moved in silence. Where records were
    deleted before they were read, that is noted as a loss, and reading goes on behind them. A position beyond the end
    stays where it is, the partition is paused, and `troubles` says so.
    """

    def __init__(
        self, *args: Any, losses: Losses, compacted: frozenset[str] = frozenset(), rest_s: float = 0.0, **kwargs: Any
    ) -> None:
        """`rest_s` is for a consumer that works all day; see `rests`. One that rests waits as long as it takes for
        records, whatever its caller's timeout."""
        super().__init__(*args, **kwargs)
        self._client.add_topic = MethodType(_also_look_at, self._client)
        self._shared = Shared(losses, compacted, rests=Rests(rest_s))
        self._failure: BaseException | None = None
        self.beyond: dict[TopicPartition, int] = {}
        """Positions that lie beyond the end of their log."""

    @property
    def lost_right(self) -> KafkaError | None:
        """The right that was taken away: such a consumer never recovers by itself, and needs a successor."""
        return self._failure if isinstance(self._failure, _LOST_RIGHT) else None

    @property
    def has_ended(self) -> bool:
        """Whether a task of the library has ended that fetches records, or keeps the group's member, or one that sends
        heartbeats has failed, which is begun again only by a group that hears of it. No call would ever bring a record
        again, and where it is the one that fetches, the library's own would not even raise."""
        if self._fetcher is None:
            return False
        coordination = getattr(self._coordinator, "_coordination_task", None)
        if any(task.done() for task in (self._fetcher.error_future, coordination) if task is not None):
            return True
        heartbeats = getattr(self._coordinator, "_heartbeat_task", None)
        # One that has merely ended is begun again, when the member has joined.
        return heartbeats is not None and _has_failed(heartbeats)

    def troubles(self) -> list[str]:
        """Why partitions that are held cannot be read, in sentences; empty when all can."""
        held = self.assignment()
        beyond = [
            f"{tp.topic}/{tp.partition}: the position {offset} lies beyond the end of Kafka's log, "
            "which is older than what was read from it, or was made again"
            for tp, offset in sorted(self.beyond.items())
            if tp in held
        ]
        times = [
            f"{topic}: its records have their senders' times, by which nobody can tell what came in time; set "
            "message.timestamp.type=LogAppendTime on the topic, and this ends with its next record"
            for topic in sorted(self._shared.with_senders_times & {tp.topic for tp in held})
        ]
        others = [*beyond, *self._shared.halts.troubles(held), *times]
        if self.lost_right is not None:
            return [f"the consumer lost a right: {type(self.lost_right).__name__}", *others]
        failed = [f"the consumer cannot read: {type(self._failure).__name__}"] if self._failure else []
        return [*failed, *others]

    async def start(self) -> None:
        await with_names(AIOKafkaConsumer.start, Fetcher=partial(_CarefulFetcher, self._shared))(self)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        super().seek(partition, offset)
        self.beyond.pop(partition, None)

    async def getmany(  # type: ignore[no-untyped-def]  # what it returns is the library's, which has no types
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ):
        """As in the library. Raises KafkaError and ConsumerStoppedError; no record that it has passed over is lost."""
        self._shared.room = CALL_BYTES_MAX
        self._shared.drained.clear()
        if self._shared.rests.rest_s:
            timeout_ms = max(timeout_ms, _PATIENCE_MS)
        found: dict[TopicPartition, list[Fetched]] = {}
        if self.has_ended and not self._closed:
            self._failure = ReadingError("a task of the consumer has ended")
            raise self._failure
        try:
            found = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        except NoOffsetForPartitionError:
            # A shard says itself where it begins, and has not yet.
            self._take_back()
        except OffsetOutOfRangeError as error:
            self._take_back()
            await self._back_into_the_log(error.args[0])
        except asyncio.CancelledError as error:
            self._take_back()
            if clients.is_cancelled():
                raise
            self._failure = error
            raise ReadingError("a cancellation that nobody asked for") from error
        except Exception as error:
            self._take_back()
            if isinstance(error, ConsumerStoppedError):
                raise
            self._failure = error
            raise error if isinstance(error, KafkaError) else ReadingError(str(error)) from error
        self._failure = None
        return found

    def _take_back(self) -> None:
        """The call failed and hands nothing out, so it may have passed over nothing."""
        for tp, position in self._shared.drained.items():
            self.seek(tp, position)

    async def _back_into_the_log(self, positions: dict[TopicPartition, int]) -> None:
        firsts = await self.beginning_offsets(list(positions))
        for tp, position in positions.items():
            if self._position(tp) != position:
                continue
            if position < firsts[tp]:
                self._shared.losses.note(tp, "deleted", position, firsts[tp])
                self.seek(tp, firsts[tp])
            else:
                log.error("beyond the end of the log", topic=tp.topic, partition=tp.partition, position=position)
                self.beyond[tp] = position
                self.pause(tp)

    def positions(self) -> dict[TopicPartition, int]:
        """Next offsets to be read, of the partitions where one is known. What the last call has returned counts as read
        once the next one is made: until then it may still be on its way to its shard."""
        known = {tp: self._position(tp) for tp in self.assignment()}
        return {tp: self._shared.drained.get(tp, position) for tp, position in known.items() if position is not None}

    def _position(self, tp: TopicPartition) -> int | None:
        subscription = self._subscription.subscription
        state = subscription and subscription.assignment and subscription.assignment.state_value(tp)
        return state.position if state and state.has_valid_position else None


def beside(kafka: Kafka, topics: Iterable[str]) -> CarefulConsumer:
    """A consumer of its own that reads these topics by position, beside whatever a group does with them.

    What nobody can read has an `Unreadable` in its place, as everywhere: a stranger who writes it must not end a
    command, or keep a service from comparing its topic. Holes are nobody's loss here. `getmany` raises ReadingError for
    a position that Kafka has deleted meanwhile.
    """
    return clients.consumer_of(
        CarefulConsumer,
        kafka,
        enable_auto_commit=False,
        # Messages that a former owner could not commit do not count.
        isolation_level="read_committed",
        # The default would go somewhere else without a word.
        auto_offset_reset="none",
        losses=Losses(_deleted_meanwhile),
        compacted=frozenset(topics),
    )


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


def _deleted_meanwhile(topic: str, reason: str, records: int) -> None:
    raise ReadingError(f"{records} records of {topic} were deleted before they were read")


_LEADERS_ASKED_EVERY_S = 0.1


class _CarefulFetcher(Fetcher):  # type: ignore[misc]  # the library has no types
    """The library's fetcher, with our classes in the place of those that read records."""

    def __init__(self, shared: Shared, client: AIOKafkaClient, *args: Any, **kwargs: Any) -> None:
        self._halts, self._rests = shared.halts, shared.rests
        reader = partial(PartitionReader, shared)
        fetch = with_names(
            Fetcher._proc_fetch_request, MemoryRecords=FetchedBytes, PartitionRecords=reader, FetchResult=Result
        )
        self._proc_fetch_request = MethodType(fetch, self)
        self.fetched_records = MethodType(with_names(Fetcher.fetched_records, FetchResult=Result), self)
        super().__init__(HaltingClient(client, shared.halts), *args, **kwargs)

    def _get_actions_per_node(self, assignment: Any) -> Any:
        """The library fetches of every partition that has nothing waiting, so that what waits would grow with the
        number of partners. What is taken, or dropped because its partition is paused, makes room, and wakes the
        caller. It also asks at once again for what it was refused, and where it knows no leader, so that a service had
        a third of a core to itself while no broker was there."""
        fetches, resets, timeout_s, lacks_leaders, resumes = super()._get_actions_per_node(assignment)
        if lacks_leaders:
            self._client.force_metadata_update()
            timeout_s = min(timeout_s, _LEADERS_ASKED_EVERY_S)
        waiting = sum(each.waiting_bytes for each in self._records.values() if isinstance(each, Result))
        if waiting >= FETCHED_BYTES_MAX:
            fetches = []
        asked = [(node_id, request) for node_id, request in fetches if self._asks(request)]
        if asked and (left_s := self._rests.left_s(time.monotonic())):
            asked, timeout_s = [], min(timeout_s, left_s)
        elif asked:
            self._rests.sent()
        return asked, resets, timeout_s, False, resumes

    def _asks(self, request: FetchRequest) -> bool:
        """Takes out of the request what has halted; whether anything is left of it."""
        halts = self._halts
        left = [
            (topic, [each for each in parts if not halts.waits(TopicPartition(topic, each[0]), each[1])])
            for topic, parts in request.topics
        ]
        request.topics[:] = [(topic, parts) for topic, parts in left if parts]
        return bool(request.topics)


def _also_look_at(client: AIOKafkaClient, topic: str) -> Any:
    """The library narrows a client that looks at all topics, as one with a pattern does, to the first topic that
    somebody asks about and that it does not know. When a partner's topic was deleted, its group was assigned no other
    partition any more."""
    looks_at_all = not client._topics
    return client.force_metadata_update() if looks_at_all else AIOKafkaClient.add_topic(client, topic)
