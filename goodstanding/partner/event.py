"""One Kafka record of a partner, whoever makes it: samples, the story or a data set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """One Kafka record of a partner, in the partner's own format. `time` is the event's, aware."""

    time: datetime
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
