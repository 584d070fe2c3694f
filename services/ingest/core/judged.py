"""What becomes of an event that ingest has read: it is taken, refused, or passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeAlias

import msgspec

from services.ingest.core.partner import Body
from shared.contracts.cloudevents import Headers
from shared.contracts.faults import Fault


class Raw(Protocol):
    """A Kafka record as it came, or whatever else has its parts."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Normalized(msgspec.Struct, frozen=True, gc=False):
    """An event that is taken. `event_id` is the partner's; `time` is in UTC.

    `fieldnames` is the header that says how the partner calls the fields that a later service may refuse, if it
    calls any of them otherwise than we do.
    """

    user_id: str
    event_id: str
    time: datetime
    body: Body
    fieldnames: tuple[tuple[str, bytes], ...]


class Refused(msgspec.Struct, frozen=True, gc=False):
    """An event that is not taken. `event_id` is the partner's, if it could be read.

    `bug` says what failed and where, for the operator, if the fault is one of ours; it quotes nothing of the event.
    """

    fault: Fault
    event_id: str | None
    bug: str | None = None


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """An event of a kind that the mapping passes over."""


SKIPPED = Skipped()
Judged: TypeAlias = Normalized | Refused | Skipped
