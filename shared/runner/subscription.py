"""FastStream's subscription, with parsing, acknowledging and sending taken out of its hands.

Every library default that can lose data is stated here with the reason beside it.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from itertools import groupby
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import GroupAuthorizationFailedError, IllegalStateError, KafkaError, TopicAuthorizationFailedError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import KafkaAckableMessage

from shared.runner.consumer import TolerantConsumer
from shared.runner.fenced import FencedShard
from shared.runner.forward import ForwardShard
from shared.runner.host import Host
from shared.runner.service import Fenced, Record, Service
from shared.runner.shard import Shard

log = structlog.get_logger("runner")

_CANCEL_TIMEOUT_S = 1.0
_LOST_RIGHT = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)


class _Watch(logging.Handler):
    """Remembers a lost right: FastStream only logs it, and the consumer then stays dead for ever."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.broken: KafkaError | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and isinstance(record.exc_info[1], _LOST_RIGHT):
            self.broken = record.exc_info[1]


class ShardInputs:
    """Partition `index` of every input topic, on whatever consumer the subscription has now."""

    def __init__(self, subscription: Subscription, index: int, topics: frozenset[str]) -> None:
        self._subscription = subscription
        self._places = [TopicPartition(topic, index) for topic in sorted(topics)]

    def _held(self) -> list[TopicPartition]:
        """Empty between a revocation and the next assignment, and while the consumer is being replaced."""
        return [tp for tp in self._places if tp in self._subscription.assignment()]

    def pause(self) -> None:
        if held := self._held():
            self._subscription.consumer.pause(*held)

    def resume(self) -> None:
        if held := self._held():
            self._subscription.consumer.resume(*held)

    async def start_at(self, offsets: dict[str, int]) -> None:
        consumer, held = self._subscription.consumer, self._held()
        first = await consumer.beginning_offsets(held)
        for tp in held:
            # A position still on its way from the broker would overwrite the seek.
            await consumer.position(tp)
        for tp in held:
            wanted = offsets.get(tp.topic, first[tp])
            if wanted < first[tp]:
                log.error("records were deleted before they were read", topic=tp.topic, count=first[tp] - wanted)
            consumer.seek(tp, max(wanted, first[tp]))
        consumer.resume(*held)

    async def start_at_committed(self) -> dict[str, int]:
        consumer, held = self._subscription.consumer, self._held()
        first = await consumer.beginning_offsets(held)
        offsets = {}
        for tp in held:
            await consumer.position(tp)
            offsets[tp.topic] = max(await consumer.committed(tp) or 0, first[tp])
            consumer.seek(tp, offsets[tp.topic])
        consumer.resume(*held)
        return offsets

    async def commit(self, offsets: dict[str, int]) -> None:
        held = {tp.topic: tp for tp in self._held()}
        try:
            await self._subscription.consumer.commit({held[topic]: at for topic, at in offsets.items()})
        except (KafkaError, IllegalStateError, KeyError) as error:
            log.info("offsets not committed; the records will be read again", exc_info=error)

    async def end_offsets(self) -> dict[str, int]:
        ends = await self._subscription.consumer.end_offsets(self._held())
        return {tp.topic: offset for tp, offset in ends.items()}

    def has_read_to(self, offsets: dict[str, int]) -> bool:
        positions = self._subscription.positions()
        return all(positions.get(tp, 0) >= offsets.get(tp.topic, 0) for tp in self._held())


class Subscription(ConsumerRebalanceListener):  # type: ignore[misc]
    """One consumer of the service's group; hands each shard its records, and shards come and go with assignments."""

    def __init__(self, service: Service, host: Host) -> None:
        self._service, self._host = service, host
        self.shards: dict[int, Shard] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self.joined = False
        self._split: set[int] = set()
        self._watch = _Watch()
        logger = logging.getLogger("subscription")
        logger.addHandler(self._watch)
        self.broker = KafkaBroker(
            host.settings.kafka,
            logger=logger,
            log_level=logging.DEBUG,
            # Our own producers send, and nobody but the operator's command creates topics.
            consumer_only=True,
            allow_auto_create_topics=False,
            metadata_max_age_ms=host.settings.metadata_max_age_ms,
        )
        topics = [source.topic for source in service.inputs if source.topic]
        patterns = [source.pattern for source in service.inputs if source.pattern]
        self._topics = frozenset(topics)
        self._subscriber = self.broker.subscriber(
            *topics,
            pattern="|".join(patterns) or None,
            group_id=service.name,
            batch=True,
            max_records=host.settings.batch_records_max,
            # After an empty poll FastStream sleeps for this long again, so it bounds the idle latency.
            batch_timeout_ms=20,
            # A batch is acknowledged only by what we store or commit; the default would commit before the work.
            ack_policy=AckPolicy.MANUAL,
            # With the default, `latest`, what was sent before the first start, or to a new topic, is never read.
            auto_offset_reset="earliest",
            # Messages of aborted transactions are those of a fenced former owner.
            isolation_level="read_committed",
            # A header named reply_to must not make us publish.
            no_reply=True,
            # Partition i of every input must be with one process; this assignor does so for equal partition counts.
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=host.settings.session_timeout_ms,
            heartbeat_interval_ms=min(500, host.settings.session_timeout_ms // 3),
            # The default of five minutes would let one stopped process hold up everybody's rebalance.
            rebalance_timeout_ms=30_000,
            # A refused event may be as large as the raw topic allows.
            max_partition_fetch_bytes=2 * 1024 * 1024,
            fetch_max_wait_ms=host.settings.fetch_max_wait_ms,
            listener=self,
            parser=self._parse,
            decoder=self._decode,
            title=service.name,
        )
        self._subscriber(self._handle)

    @property
    def consumer(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise IllegalStateError("the consumer is not running")
        return consumer

    def assignment(self) -> frozenset[TopicPartition]:
        consumer = self._subscriber.consumer
        return frozenset(consumer.assignment()) if consumer is not None else frozenset()

    # -- lifecycle ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.broker.connect()
        # Not before: connecting puts the library's own consumer in place.
        config = self.broker.config.broker_config
        assert isinstance(config.builder, partial)
        config.builder = partial(TolerantConsumer, **config.builder.keywords)
        await self.broker.start()

    async def heal(self) -> None:
        """Replace a consumer that lost a right: it never recovers by itself, even when the right is given back."""
        if self._watch.broken is None:
            return
        await self._drop(list(self.shards))
        await self._subscriber.stop()
        await self._subscriber.start()
        # Forgotten only now: whatever fails or is cut off above is tried again by the next call.
        self._watch.broken = None

    async def stop(self) -> None:
        """Finish the steps in hand, then leave the group, so that the successors find nothing under way."""
        if self._subscriber.consumer is not None:
            self.consumer.pause(*self.consumer.assignment())
        await self._drop(list(self.shards))
        await self.broker.stop()

    # -- records -----------------------------------------------------------------------------------------------------

    async def _parse(self, records: tuple[Record, ...], _default: object) -> KafkaMessage:
        """FastStream's own parser fails on a header that is null or not UTF-8, and the batch would be passed over."""
        last = records[-1]
        return KafkaAckableMessage(
            body=[record.value or b"" for record in records],
            headers={},
            batch_headers=[],
            reply_to="",
            content_type=None,
            message_id=f"{last.topic}-{last.partition}-{last.offset}",
            correlation_id=None,
            raw_message=records,
            consumer=self.consumer,
        )

    async def _decode(self, message: KafkaMessage) -> object:
        return message.raw_message

    async def _handle(self, message: KafkaMessage) -> None:
        """Hand the records over; this must not raise, since an escaped exception loses the batch."""
        records: tuple[Record, ...] = message.raw_message
        for partition, part in groupby(records, key=lambda record: record.partition):
            if shard := self.shards.get(partition):
                shard.buffer.put(list(part))

    # -- assignment --------------------------------------------------------------------------------------------------

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Pause before anything is fetched, then let each shard claim and seek in a task of its own."""
        self.consumer.pause(*assigned)
        self.joined = True
        self._split.clear()
        topics = {tp.topic for tp in assigned}
        for index in sorted({tp.partition for tp in assigned}):
            held = {tp.topic for tp in assigned if tp.partition == index}
            if not self._topics <= held:
                # Processes of two releases that read different topics; it passes when the last old one is gone.
                log.error("shard not started: another process has some of its inputs", shard=index)
                self._split.add(index)
                continue
            self._start_shard(index, frozenset(held if self._topics else topics))
        self._host.metrics.shards.set(len(self.shards))
        log.info("shards assigned", shards=sorted(self.shards))

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._drop({tp.partition for tp in revoked} & self.shards.keys())

    def _start_shard(self, index: int, topics: frozenset[str]) -> None:
        shard = self.shards[index] = self._new_shard(index, ShardInputs(self, index, topics))
        self._tasks[index] = asyncio.create_task(shard.run(), name=f"{self._service.name}-{index}")

    def _new_shard(self, index: int, inputs: ShardInputs) -> Shard:
        name, mode = self._service.name, self._service.mode
        if isinstance(mode, Fenced):
            assert self._host.pool is not None, "a service with state is started with its database"
            return FencedShard(index, name, mode, self._host, self._host.pool, inputs)
        return ForwardShard(index, name, mode, self._host, inputs)

    async def _drop(self, indexes: Any) -> None:
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
        for index in shards:
            self._host.metrics.next_timer_timestamp.remove(index)
        self._host.metrics.shards.set(len(self.shards))

    # -- what operators see ------------------------------------------------------------------------------------------

    def positions(self) -> dict[TopicPartition, int]:
        """Next offsets to be fetched, of the partitions where one is known."""
        subscription = self.consumer._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return {}
        states = {tp: subscription.assignment.state_value(tp) for tp in subscription.assignment.tps}
        return {tp: state.position for tp, state in states.items() if state.has_valid_position}

    def troubles(self) -> list[str]:
        """Why this process does not do its share; empty when it does."""
        if self._watch.broken is not None:
            return [f"the consumer lost a right: {type(self._watch.broken).__name__}"]
        if not self.joined:
            return ["not yet in the consumer group"]
        split = [f"shard {index}: another process has some of its inputs" for index in sorted(self._split)]
        return [*split, *(f"shard {i}: {shard.trouble}" for i, shard in sorted(self.shards.items()) if shard.trouble)]

    async def lag(self) -> dict[TopicPartition, tuple[int, float | None]]:
        """For each partition held: records not yet handled, and the append time (Unix s) of the oldest if read."""
        assigned, positions = self.consumer.assignment(), self.positions()
        ends = await self.consumer.end_offsets(assigned) if assigned else {}
        lags: dict[TopicPartition, tuple[int, float | None]] = {}
        for tp, end in ends.items():
            shard = self.shards.get(tp.partition)
            waiting = shard.buffer.oldest if shard else None
            handled = shard.handled_offsets.get(tp.topic, 0) if shard else 0
            if waiting is None and positions.get(tp, 0) >= end:
                # The end marker of a transaction has an offset and no record.
                handled = end
            lags[tp] = (max(end - handled, 0), waiting.timestamp / 1000 if waiting else None)
        return lags
