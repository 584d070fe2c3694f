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
import re
from collections.abc import AsyncIterator
from typing import Any

from aiokafka import AIOKafkaConsumer

TYPES = {"scores.changed": "goodstanding.score.changed.v1", "tiers.changed": "goodstanding.tier.changed.v1"}
PERSON = re.compile("[0-9a-f]{64}")


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
        if dict(record.headers).get("ce_type", b"").decode() not in TYPES.values():
            return None  # a later version of the message, beside the one that we know
        body = json.loads(record.value)
        if person in newest and body["version"] <= newest[person]["version"]:
            return None  # a repetition: whoever was killed while sending sends again
        newest[person] = body
        return person, body


@contextlib.asynccontextmanager
async def consumer(bootstrap: str, topics: list[str]) -> AsyncIterator[AIOKafkaConsumer]:
    reader = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap,
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


async def read_to_end(reader: AIOKafkaConsumer, follower: Follower) -> None:
    """Take everything that was published before this call."""
    ends = await reader.end_offsets(reader.assignment())
    for partition, end in ends.items():
        # Compaction leaves gaps, and transactions end with markers: compare positions, and never count records.
        while await reader.position(partition) < end:
            for records in (await reader.getmany(timeout_ms=1000)).values():
                for record in records:
                    follower.take(record)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bootstrap", help="Kafka, host:port")
    parser.add_argument("--once", action="store_true", help="where everybody stands now, and no more")
    arguments = parser.parse_args()
    follower = Follower()
    async with consumer(arguments.bootstrap, list(TYPES)) as reader:
        await read_to_end(reader, follower)
        for topic, people in follower.newest.items():
            for person, body in people.items():
                show(topic, person, body)
        while not arguments.once:
            record = await reader.getone()
            if news := follower.take(record):
                show(record.topic, *news)


def show(topic: str, person: str, body: dict[str, Any] | None) -> None:
    print(json.dumps({"topic": topic, "person": person, "body": body}), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
