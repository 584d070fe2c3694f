"""What stands in the place of records that nobody can read, so that their partition goes on and they get an answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    Record: TypeAlias = ConsumerRecord[bytes | None, bytes | None]
else:
    Record: TypeAlias = object


class Unreadable(msgspec.Struct, frozen=True):
    """The positions `offset` to `next_offset - 1` of a partition: one record, a batch, or the rest of a batch.

    `timestamp` is the batch's, in milliseconds. `code` is one of shared.contracts.faults; `sentence` is for the partner
    and the operator, and quotes nothing of the records. Like a record it has a key, a value and headers: none.
    """

    topic: str
    partition: int
    offset: int
    next_offset: int
    timestamp: int
    code: str
    sentence: str
    key: None = None
    value: None = None
    headers: tuple[tuple[str, bytes], ...] = ()


Fetched: TypeAlias = Record | Unreadable


def next_offset(fetched: Fetched) -> int:
    """The position after what was fetched: where its partition goes on once this has been answered for."""
    return fetched.next_offset if isinstance(fetched, Unreadable) else fetched.offset + 1


def readable(fetched: Iterable[Fetched]) -> list[Record]:
    """The records among what was fetched."""
    return [each for each in fetched if not isinstance(each, Unreadable)]
