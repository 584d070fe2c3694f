"""What a service tells the runner of its own topic, so that topic and database can be compared and brought together.

Of each name (a person, a record) the topic and the database hold versions. A database that was restored from an older
copy meets versions on the topic that it has never decided; a Kafka that was restored from one lacks some that it has.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.contracts.partition import partition_of
from shared.runner.service import Db, Outgoing, Record

PAGE_MAX = 1_000
"""People or records that one statement, and one row of the outbox, brings together."""


class Undecided(Protocol):
    """How many of these messages of the topic say something that this database has never decided: a version above its
    own, or a name that it does not know. What cannot be read is none of them."""

    def __call__(self, db: Db, shard: int, messages: Sequence[Record]) -> Awaitable[int]: ...


class Restate(Protocol):
    """Make the database's versions the highest, and say again whatever the topic does not tell as the database has it:
    in the caller's transaction, page by page. `last` has the last message of each key that the topic holds."""

    def __call__(
        self, db: Db, shard: int, last: Mapping[bytes, Record], now: datetime
    ) -> AsyncIterator[Sequence[Outgoing]]: ...


@dataclass(frozen=True, slots=True)
class OwnTopic:
    """The topic of which a service is the only writer; partition i is shard i's.

    `last_counts`: only the last message of each key counts there, since it is compacted. Then no message that was
    decided before may be sent behind what `restate` says.
    """

    topic: str
    undecided: Undecided
    restate: Restate
    last_counts: bool


def is_foreign(service: str, shard: int, record: Record) -> bool:
    """Whether the service has certainly not written this message of its own topic: its id is not
    `<service>/<subject>/<version>`, it names another source, or it lies in another partition than its key's."""
    headers = dict(record.headers)
    id, source = headers.get("ce_id") or b"", headers.get("ce_source")
    return (
        not re.fullmatch(rb"%b/[^/]+/[0-9]+" % re.escape(service.encode()), id)
        or source != f"/{service}".encode()
        or partition_of((record.key or b"").decode(errors="replace")) != shard
    )
