"""Follow everybody's published score and tier: where people stand now, then each change as it comes.

    python docs/examples/follow.py localhost:9092           # one JSON object a line; ends with Ctrl-C
    python docs/examples/follow.py localhost:9092 --once    # the last state of everybody, then ends

Needs aiokafka and nothing of Goodstanding. Take it as a start; docs/subscribers.md says why each line is there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import re
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

TYPES = {"scores.changed": "goodstanding.score.changed.v1", "tiers.changed": "goodstanding.tier.changed.v1"}
PERSON = re.compile("[0-9a-f]{64}")
UNREADABLE = (UnicodeError, CorruptRecordException, UnsupportedCodecError)
"""What the client raises for a record that it cannot read. The services write no such record; a stranger may."""


class Follower:
    """Where everybody stands: the newest body by topic and person."""

    def __init__(self) -> None:
        self.newest: dict[str, dict[str, dict[str, Any]]] = {}

    def take(self, record: Any) -> tuple[str, dict[str, Any] | None] | None:
        """The news in a record: a person and the newest body, which is None for a person erased. None without news."""
        person = (record.key or b"").decode(errors="replace")
        newest = self.newest.setdefault(record.topic, {})
        if not PERSON.fullmatch(person):
            return None  # written to let the broker erase what lies before it
        if record.value is None:
            return None if newest.pop(person, None) is None else (person, None)
        if dict(record.headers).get("ce_type") not in [name.encode() for name in TYPES.values()]:
            return None  # a later version of the message, beside the one that we know
        body = body_of(record.value)
        if body is None or (person in newest and body["version"] <= newest[person]["version"]):
            return None  # a repetition: whoever was killed while sending sends again
        newest[person] = body
        return person, body


def body_of(value: bytes) -> dict[str, Any] | None:
    """None for what no service has written."""
    try:
        body = json.loads(value)
        return body if type(body["version"]) is int else None
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


@contextlib.asynccontextmanager
async def consumer(
    bootstrap: str, topics: list[str], login: Mapping[str, Any] = MappingProxyType({})
) -> AsyncIterator[AIOKafkaConsumer]:
    reader = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
        **login,
        # Without a group we read all partitions, from the beginning each time: what we know is in memory only.
        group_id=None,
        auto_offset_reset="earliest",
        # What an aborted transaction wrote was never published.
        isolation_level="read_committed",
    )
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


def login_of(user: str, password_file: Path, ca_file: Path | None) -> dict[str, Any]:
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": password_file.read_text().strip(),
        # Checks the broker's name as well.
        "ssl_context": ssl.create_default_context(cafile=ca_file),
    }


async def records(reader: AIOKafkaConsumer, partition: TopicPartition, end: float = math.inf) -> AsyncIterator[Any]:
    """The partition's records from where the reader stands up to this offset, without those that cannot be read."""
    # Compaction leaves gaps, and transactions end with markers: compare positions, and never count records.
    while (position := await reader.position(partition)) < end:
        try:
            # One partition and one record at a time: of several, the client loses those before one that it cannot read.
            found = await reader.getmany(partition, timeout_ms=1000, max_records=1)
        except UNREADABLE as error:
            print(
                f"{partition.topic}/{partition.partition} from {position} on: {type(error).__name__}", file=sys.stderr
            )
            reader.seek(partition, position + 1)
            continue
        for record in found.get(partition, []):
            yield record


async def read_to_end(reader: AIOKafkaConsumer, follower: Follower) -> None:
    """Take everything that was published before this call."""
    for partition, end in (await reader.end_offsets(reader.assignment())).items():
        async for record in records(reader, partition, end):
            follower.take(record)


async def follow(reader: AIOKafkaConsumer, partition: TopicPartition, follower: Follower) -> None:
    """Show the news of a partition for good."""
    async for record in records(reader, partition):
        if news := follower.take(record):
            show(record.topic, *news)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bootstrap", help="Kafka, host:port")
    parser.add_argument("--once", action="store_true", help="where everybody stands now, and no more")
    parser.add_argument("--user", help="whom the operator has made for you, where Kafka asks who you are")
    parser.add_argument("--password-file", type=Path, help="a file with that user's password alone")
    parser.add_argument("--ca-file", type=Path, help="the authority that the operator has sent, ca.pem")
    arguments = parser.parse_args()
    login = login_of(arguments.user, arguments.password_file, arguments.ca_file) if arguments.user else {}
    follower = Follower()
    async with consumer(arguments.bootstrap, list(TYPES), login) as reader:
        await read_to_end(reader, follower)
        for topic, people in follower.newest.items():
            for person, body in people.items():
                show(topic, person, body)
        if not arguments.once:
            await asyncio.gather(*(follow(reader, partition, follower) for partition in reader.assignment()))


def show(topic: str, person: str, body: dict[str, Any] | None) -> None:
    print(json.dumps({"topic": topic, "person": person, "body": body}), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
