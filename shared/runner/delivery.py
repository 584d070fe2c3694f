"""Messages on their way: each is sent until it is acknowledged, or is impossible and replaced by a dead letter.

A broker refuses a whole batch, and the producer that sent it is of no more use; so the messages of a refused batch are
sent again in batches of their own, by the next producer. What is impossible: see `sendable`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from time import monotonic

import msgspec
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from aiokafka.structs import RecordMetadata

from shared.contracts.topics import dead_letter_topic
from shared.kafka import sender
from shared.kafka.sendable import Topics, is_fault_of_topic, is_partners, is_refused_for_good, is_too_large
from shared.kafka.sender import SEND_TIMEOUT_S, TRANSACTION_TIMEOUT_S, Flight
from shared.runner.answers import DEAD_LETTER, DeadLetter, Outcome, Outgoing, dead_letter
from shared.runner.host import ContradictionError

log = structlog.get_logger("runner")

_POSITION = re.compile(rb"[a-zA-Z0-9._-]{1,249}/[0-9]{1,9}/[0-9]{1,18}")
_LOOK_EVERY_S = 2.0
"""How soon it is noticed that a topic was deleted while its answer is awaited."""


class Delivery:
    """The messages of one step. It may need several producers; what was acknowledged is not sent again.

    `origin` names the step in the dead letter of a message that names no record.
    """

    def __init__(self, service: str, origin: str, messages: Sequence[Outgoing], topics: Topics) -> None:
        self._service, self._origin, self._topics = service, origin, topics
        self._given, self._messages = messages, list(messages)
        self._waiting = dict(enumerate(self._messages))
        self._alone: set[int] = set()
        self._flights: list[Flight] = []
        self._committed, self._at_once = 0, max(len(messages), 1)
        """How many of the messages are in transactions that were committed, and how many the next one has at most."""
        self.ends: dict[tuple[str, int], int] = {}
        """The offset behind the last acknowledged message, by topic and partition."""
        self._impossible = 0
        """How many of the messages were replaced by dead letters."""

    @property
    def messages(self) -> Sequence[Outgoing]:
        """As they are sent: dead letters in the place of what was impossible."""
        return self._messages

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """One for each message that was impossible."""
        return [Outcome(DEAD_LETTER, code="unsendable")] * self._impossible

    def is_of(self, messages: Sequence[Outgoing]) -> bool:
        """Whether it was made for these. Compared as they are stored, since they may have been read from there."""
        return msgspec.msgpack.encode(self._given) == msgspec.msgpack.encode(messages)

    def acknowledged(self, number: int) -> bool:
        return number not in self._waiting

    async def attempt(self, producer: AIOKafkaProducer) -> None:
        """Send what waits. Returns when all is acknowledged.

        Raises a KafkaError or TimeoutError when some is not: the caller replaces the producer and tries again.
        """
        self._land()
        # What is still in the air belongs to a producer that is gone: nobody will ever answer for it.
        self._flights.clear()
        await self._sift(producer)
        await self._send(producer, self._waiting)

    async def _send(self, producer: AIOKafkaProducer, part: Mapping[int, Outgoing]) -> None:
        numbers = list(part)
        sending = asyncio.create_task(self._put_and_await(producer, part))
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                while not (await asyncio.wait({sending}, timeout=_LOOK_EVERY_S))[0]:
                    await self._look_for_deleted(producer)
            await sending
        finally:
            sending.cancel()
            error = self._land()
        if error:
            raise error
        if not self._waiting.keys().isdisjoint(numbers):
            # An answer that was given up, as a producer does that is stopped, has said nothing.
            raise KafkaConnectionError("the producer was stopped before the broker had answered")

    async def _put_and_await(self, producer: AIOKafkaProducer, part: Mapping[int, Outgoing]) -> None:
        await sender.put(producer, part.items(), self._flights, frozenset(self._alone))
        if self._flights:
            # Not gathered: each has a fate of its own, which `_land` reads.
            await asyncio.wait({answer for answer, _ in self._flights})

    async def _look_for_deleted(self, producer: AIOKafkaProducer) -> None:
        """The client waits for ever for the answer of a topic that was deleted meanwhile, and before that for room
        behind the messages that it cannot send there."""
        for topic in {message.topic for message in self._waiting.values()}:
            producer.client.force_metadata_update()
            if await self._topics.fault(producer, topic):
                raise UnknownTopicOrPartitionError(topic)

    async def commit(self, producer: AIOKafkaProducer) -> None:
        """Send what is not committed, in one transaction. What does not get through in the time that the broker allows
        for one is sent in smaller ones, in order: a transaction is the fence here, and nobody needs it to be whole."""
        self._waiting, self._flights = dict(list(enumerate(self._messages))[self._committed :]), []
        # Before the transaction, which must not stay open while somebody asks for topics.
        await self._sift(producer)
        while self._waiting:
            await self._commit_part(producer, dict(islice(self._waiting.items(), self._at_once)))

    async def _commit_part(self, producer: AIOKafkaProducer, part: Mapping[int, Outgoing]) -> None:
        """After an error nothing of the part counts as acknowledged."""
        ends, began = dict(self.ends), monotonic()
        try:
            async with sender.transaction(producer):
                await self._send(producer, part)
        except BaseException:
            self.ends = ends
            if monotonic() - began >= TRANSACTION_TIMEOUT_S:
                self._at_once = max(len(part) // 2, 1)
                log.warning("a transaction took too long, and is tried in parts", step=self._origin, messages=len(part))
            raise
        self._committed += len(part)
        if monotonic() - began < TRANSACTION_TIMEOUT_S / 4:
            self._at_once *= 2

    def _land(self) -> BaseException | None:
        """Take off what was acknowledged, also after its attempt had failed; the first refusal, if there is one."""
        flying, first = [], None
        for answer, numbers in self._flights:
            if not answer.done():
                flying.append((answer, numbers))
            elif answer.cancelled():
                continue
            elif (error := answer.exception()) is None:
                self._acknowledged(numbers, answer.result())
            else:
                first = first or error
                self._refused(numbers, error)
        self._flights = flying
        return first

    def _acknowledged(self, numbers: Sequence[int], answer: RecordMetadata) -> None:
        for number in numbers:
            self._waiting.pop(number, None)
        tp = (answer.topic, answer.partition)
        # A batch is answered with the offset of its first message.
        self.ends[tp] = max(self.ends.get(tp, 0), answer.offset + len(numbers))

    def _refused(self, numbers: Sequence[int], error: BaseException) -> None:
        topic = self._messages[numbers[0]].topic
        if isinstance(error, TopicAuthorizationFailedError):
            if is_partners(topic):
                self._topics.refused(topic)
        elif is_refused_for_good(error):
            # A dead letter keeps its reason: that it is refused is the fault of its topic, for which everything waits.
            its_own = topic != dead_letter_topic(self._service) and not is_fault_of_topic(error, topic)
            if len(numbers) == 1 and its_own:
                self._replace(numbers[0], f"The broker refuses it with {type(error).__name__}.")
            self._alone.update(numbers)

    async def _sift(self, producer: AIOKafkaProducer) -> None:
        """Replace what can never be sent, before a broker's refusal costs a producer."""
        topics = {message.topic for message in self._waiting.values()}
        await sender.know(producer, topics)
        for topic, partition in {(message.topic, message.partition) for message in self._waiting.values()}:
            there = producer.client.cluster.partitions_for_topic(topic)
            # The client would answer with an AssertionError, and no word.
            if there and partition not in there and (sentence := sender.wrong_partitions(topic, there)):
                raise ContradictionError(sentence)
        faults = {topic: await self._topics.fault(producer, topic) for topic in topics}
        for number, message in list(self._waiting.items()):
            if fault := faults[message.topic]:
                self._replace(number, fault)
            elif is_too_large(message):
                self._replace(number, "It is larger than its topic takes.")

    def _replace(self, number: int, sentence: str) -> None:
        message = self._messages[number]
        headers = dict(message.headers)
        named = headers.get("ce_origin", b"")
        origin = named.decode() if _POSITION.fullmatch(named) else f"{self._origin}/{number}"
        log.error("a message can never be sent and is set aside", origin=origin, reason=sentence)
        letter = dead_letter(self._service, DeadLetter("unsendable", sentence), origin)
        self._messages[number] = self._waiting[number] = letter
        self._impossible += 1


class Outbox:
    """What a shard has decided and not sent yet. It outlives a claim, and with it what was learned of a message."""

    def __init__(self, service: str, shard: int) -> None:
        self._service, self._shard = service, shard
        self._topics = Topics()
        self._unsent: tuple[int, Delivery] | None = None
        """The step that is sent next, with its number; what is newer waits for it."""

    async def send(self, producer: AIOKafkaProducer, seq: int, messages: Sequence[Outgoing]) -> Delivery:
        """Send one step's messages, in one transaction if they get through in one; what is impossible goes to the
        operator, the rest in order."""
        number, delivery = self._unsent or (seq, None)
        # A database that was restored from an older copy gives a number out again.
        if delivery is None or number != seq or not delivery.is_of(messages):
            delivery = Delivery(self._service, f"outbox/{self._shard}/{seq}", messages, self._topics)
        self._unsent = seq, delivery
        await delivery.commit(producer)
        self._unsent = None
        return delivery

    def forget(self) -> None:
        """Another process owns the shard, and may have sent it."""
        self._unsent = None
