"""Which cluster answers, and which topics these are: the ids that Kafka gives to each when it is created.

A topic that was deleted and created again has its old name, its old number of partitions, and another id. Only the id
tells that an offset which was stored before means nothing there. aiokafka speaks an older version of the request,
whose answer has no ids, so the version that has them is described here, as Kafka's protocol guide has it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

_UUID_BYTES = 16
_BY_NAME = bytes(_UUID_BYTES)
"""Asks for a topic by its name: the id is the answer."""
_UNKNOWN_TOPIC = 3


@dataclass(frozen=True, slots=True)
class Identities:
    """`topics` has the id of each topic that exists, by name; a topic that does not exist is not in it."""

    cluster: str
    topics: Mapping[str, str]


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]  # the library has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(_UUID_BYTES)


_STRING = CompactString("utf-8")
_PARTITION = (
    ("error", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("in_sync", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    ("tags", TaggedFields),
)
_TOPIC = (
    ("error", Int16),
    ("name", _STRING),
    ("topic_id", _Uuid),
    ("internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("operations", Int32),
    ("tags", TaggedFields),
)
_BROKER = (("id", Int32), ("host", _STRING), ("port", Int32), ("rack", _STRING), ("tags", TaggedFields))


class _Answer(Response):  # type: ignore[misc]  # the library has no types
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", _STRING),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]  # the library has no types
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _STRING), ("tags", TaggedFields))),
        ("create_missing", Boolean),
        ("with_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Ask(Request[_Question]):  # type: ignore[misc]  # the library has no types
    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics: list[tuple[bytes, str, dict[int, bytes]]] = [(_BY_NAME, topic, {}) for topic in topics]

    def build(self, request_struct_class: type[_Question]) -> _Question:
        # Asking must never create: a topic exists because the topic table says so.
        return request_struct_class(self._topics, False, False, {})


async def identities(client: AIOKafkaClient, topics: Iterable[str]) -> Identities:
    """Ask the cluster that the client is connected to. Raises a KafkaError when it gives no answer for a topic.

    The right to describe a topic is enough.
    """
    answer: Any = await client.send(client.get_random_node(), _Ask(topics))
    found: dict[str, str] = {}
    for topic in answer.topics:
        error, name, topic_id = topic[0], topic[1], topic[2]
        if error and error != _UNKNOWN_TOPIC:
            raise for_code(error)(name)
        if not error:
            found[name] = _readable(topic_id)
    return Identities(answer.cluster_id, found)


def _readable(topic_id: bytes) -> str:
    """As Kafka's own tools print it."""
    return base64.urlsafe_b64encode(topic_id).decode().rstrip("=")


async def exists(client: AIOKafkaClient, topic: str) -> bool:
    """Whether there is such a topic. The client itself would wait for one that is missing."""
    return topic in (await identities(client, [topic])).topics
