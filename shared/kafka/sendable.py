"""What can never be sent, whatever one waits for.

| what | known by |
|---|---|
| a message larger than its topic or a request takes | counted before sending; else the broker's refusal |
| a topic whose name no topic can have | its characters |
| a partner's topic that is not there, or may not be written | the broker, asked several times |
| a message that the broker refuses as invalid | the broker's refusal of that message alone |

A topic of the platform that is missing, or takes less than the platform has made it for, is no fault of a message:
everything waits until the operator has put it right. A partner's topic holds up nobody else.
"""

from __future__ import annotations

import asyncio
import re
import time

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    BrokerResponseError,
    InvalidTopicError,
    KafkaConnectionError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    kafka_errors,
)

from shared.contracts.exchange import Outgoing
from shared.contracts.topics import DISPUTES_PREFIX, REJECTED_PREFIX, message_bytes_max
from shared.kafka.sender import REQUEST_BYTES_MAX

_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_OF_PARTNERS = (REJECTED_PREFIX, DISPUTES_PREFIX)


class InvalidRecordError(BrokerResponseError):  # type: ignore[misc]  # the library has no types
    """For example a message without key on a compacted topic."""

    errno = 87
    message = "INVALID_RECORD"


# The library has no class for it, and would call it unknown, which is tried again for ever.
kafka_errors.setdefault(InvalidRecordError.errno, InvalidRecordError)
_INVALID = (InvalidRecordError, InvalidTopicError, PolicyViolationError)
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_MISSING_AFTER_S = 3.0
"""A new topic is known to every broker well within this time."""
_REMEMBERED_S = 60.0
"""For this long the broker is not asked again whether a missing topic has been made."""
_OVERHEAD_BYTES = 61 + 5 * 5
_HEADER_OVERHEAD_BYTES = 2 * 5


def size(message: Outgoing) -> int:
    """What the broker counts, at most: the message in a batch of its own."""
    headers = sum(len(name.encode()) + len(value) + _HEADER_OVERHEAD_BYTES for name, value in message.headers)
    return _OVERHEAD_BYTES + len(message.key or b"") + len(message.value or b"") + headers


def is_too_large(message: Outgoing) -> bool:
    limit = min(message_bytes_max(message.topic) or REQUEST_BYTES_MAX, REQUEST_BYTES_MAX)
    # The headers are bounded far below the limit, so nearly no message must be counted.
    return len(message.value or b"") > limit // 2 and size(message) > limit


def is_partners(topic: str) -> bool:
    """Whether the topic belongs to one partner, so that its absence concerns that partner's messages alone."""
    return topic.startswith(_OF_PARTNERS)


def is_refused_for_good(error: BaseException) -> bool:
    """Whether the broker will never take what it has refused with this, as its topic is now."""
    return isinstance(error, (*_INVALID, *_TOO_LARGE))


def is_fault_of_topic(error: BaseException, topic: str) -> bool:
    """Whether a message that was refused for good is as it should be, and its topic is not. What is larger than the
    platform's own limit is never sent, so a topic that refuses what is sent takes less than it was made for."""
    return isinstance(error, _TOO_LARGE) and not is_partners(topic) and message_bytes_max(topic) is not None


class Topics:
    """Which topics a shard can send to, as far as the broker has said."""

    def __init__(self) -> None:
        self._missing_until: dict[str, float] = {}

    async def fault(self, producer: AIOKafkaProducer, topic: str) -> str | None:
        """Why nothing can ever be sent there, or None. Raises a KafkaError where that cannot be known yet."""
        if not _TOPIC.fullmatch(topic):
            return "No topic can have the name that it should go to."
        if not is_partners(topic):
            return None
        if self._missing_until.get(topic, 0.0) < time.monotonic():
            self._missing_until.pop(topic, None)
            if not await _is_missing(producer, topic):
                return None
            self._missing_until[topic] = time.monotonic() + _REMEMBERED_S
        return "The partner's topic does not exist, or this service may not write to it."

    def refused(self, topic: str) -> None:
        """The broker says that this service may not write there."""
        self._missing_until[topic] = time.monotonic() + _REMEMBERED_S


async def _is_missing(producer: AIOKafkaProducer, topic: str) -> bool:
    """Asked of the broker until it has said so for long enough; silence is no answer."""
    client = producer.client
    began = time.monotonic()
    while not client.cluster.partitions_for_topic(topic):
        if not await client.force_metadata_update():
            raise KafkaConnectionError("no broker says whether the topic exists")
        if not client.cluster.partitions_for_topic(topic) and time.monotonic() - began > _MISSING_AFTER_S:
            return True
        await asyncio.sleep(0.1)
    return False
