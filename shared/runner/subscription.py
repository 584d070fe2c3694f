"""FastStream's subscription, with parsing, acknowledging and sending taken out of its hands (decision 0020).

Every library default that can lose data is stated here with the reason beside it. Nothing here knows what a shard is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import KafkaAckableMessage

from shared.contracts.topics import group_of
from shared.kafka import clients
from shared.kafka.consumer import CarefulConsumer
from shared.kafka.losses import Losses
from shared.kafka.unreadable import Fetched
from shared.runner import pace
from shared.runner.service import Input
from shared.settings import ServiceSettings

_REST_S = 0.03
"""How long what comes one by one is gathered; an event waits for half of it at each service on its way, on average."""


class Subscription:
    """One consumer of the service's group. `hand_over` gets all that a call has fetched; it must not raise."""

    def __init__(
        self,
        name: str,
        inputs: Sequence[Input],
        settings: ServiceSettings,
        losses: Losses,
        *,
        compacted: frozenset[str],
        listener: ConsumerRebalanceListener,
        hand_over: Callable[[Sequence[Fetched]], None],
    ) -> None:
        self._hand_over = hand_over
        reader = partial(clients.consumer_of, CarefulConsumer, settings.connection)
        self._reader = partial(reader, losses=losses, compacted=compacted, rest_s=_REST_S)
        self.broker = KafkaBroker(
            settings.kafka,
            logger=logging.getLogger("subscription"),
            log_level=logging.DEBUG,
            # Our own producers send, and nobody but the operator's command creates topics.
            consumer_only=True,
            allow_auto_create_topics=False,
            # What the library would look up for the handler's parameters, it looks up in a thread: a wait for the
            # interpreter, and for the loop, with every fetch.
            apply_types=False,
            metadata_max_age_ms=settings.metadata_max_age_ms,
        )
        self._subscriber = self.broker.subscriber(
            *[source.topic for source in inputs if source.topic],
            pattern="|".join(source.pattern for source in inputs if source.pattern) or None,
            group_id=group_of(name),
            group_instance_id=settings.instance_id or None,
            batch=True,
            max_records=pace.first(settings.batch_records_max),
            # After an empty poll FastStream sleeps for this long. Our consumer's polls last longer (`consumer`).
            batch_timeout_ms=5,
            # A batch is acknowledged only by what we store or commit; the default would commit before the work.
            ack_policy=AckPolicy.MANUAL,
            # Shards say where they begin. With `latest`, the default, what was sent to a new topic is never read; with
            # both `latest` and `earliest` a position outside the log is moved without a word.
            auto_offset_reset="none",
            # Messages of aborted transactions are those of a fenced former owner.
            isolation_level="read_committed",
            # A header named reply_to must not make us publish.
            no_reply=True,
            # Partition i of every input must be with one process; this assignor does so for equal partition counts.
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=min(500, settings.session_timeout_ms // 3),
            # The default of five minutes would let one stopped process hold up everybody's rebalance.
            rebalance_timeout_ms=30_000,
            # As much as a batch of the raw topics may have; of a larger one the broker sends the first all the same.
            max_partition_fetch_bytes=1024 * 1024,
            # The default of 50 MiB, with as much again for what is made of it, is a tenth of a process's memory; see
            # `buffer` for the sum.
            fetch_max_bytes=8 * 1024 * 1024,
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            listener=listener,
            parser=self._parse,
            decoder=self._decode,
            title=name,
        )
        self._subscriber(self._handle)

    # -- lifecycle -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.broker.connect()
        # Not before: connecting puts the library's own consumer in place.
        config = self.broker.config.broker_config
        assert isinstance(config.builder, partial)
        config.builder = partial(self._reader, **config.builder.keywords)
        await self.broker.start()

    async def replace(self) -> None:
        """Go on with a new consumer. May be called again after a failure."""
        await self._subscriber.stop()
        await self._subscriber.start()

    async def stop(self) -> None:
        await self.broker.stop()

    @property
    def is_dead(self) -> bool:
        """Whether nothing more will be read until the consumer is replaced: it lost a right, its loop ended, or one of
        its own tasks did."""
        if self._subscriber.consumer is None:
            return True
        consumer, tasks = self.consumer, self._subscriber.tasks
        return consumer.lost_right is not None or consumer.has_ended or all(task.done() for task in tasks)

    # -- what the consumer knows ---------------------------------------------------------------------------------------

    @property
    def consumer(self) -> CarefulConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise IllegalStateError("the consumer is not running")
        assert isinstance(consumer, CarefulConsumer)
        return consumer

    def assignment(self) -> frozenset[TopicPartition]:
        """Empty while the consumer is being replaced."""
        return frozenset(self.consumer.assignment()) if self._subscriber.consumer is not None else frozenset()

    def positions(self) -> dict[TopicPartition, int]:
        """Next offsets to be fetched, of the partitions where one is known."""
        return self.consumer.positions() if self._subscriber.consumer is not None else {}

    def troubles(self) -> list[str]:
        """Why partitions cannot be read, in sentences."""
        if self._subscriber.consumer is None:
            return ["the consumer is being replaced"]
        if troubles := self.consumer.troubles():
            return troubles
        return ["the reading of records has ended, and begins again"] if self.is_dead else []

    # -- records -------------------------------------------------------------------------------------------------------

    async def _parse(self, records: tuple[Fetched, ...], _default: object) -> KafkaMessage:
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

    async def _handle(self, records: Sequence[Fetched]) -> None:
        self._hand_over(records)
