"""What a service writes beside an offset that it commits to its consumer group: of which Kafka and topic it is, whose
deployment it belongs to, and how new what was handled was. Kafka keeps such a text with each offset.

Pure. A text of somebody else's making, or none, is read as "nothing noted".
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace

_MARK = "goodstanding-1"
_WORD_MARK = "goodstanding-word-1"


@dataclass(frozen=True, slots=True)
class Note:
    """Empty texts and 0: not noted. `newest` is in milliseconds since 1970."""

    cluster: str = ""
    topic_id: str = ""
    owner: str = ""
    newest: int = 0

    def handled(self, appended_ms: int) -> Note:
        """The note after a record of that append time was handled."""
        return replace(self, newest=max(self.newest, appended_ms))

    def text(self) -> str:
        return " ".join((_MARK, self.cluster or "-", self.topic_id or "-", self.owner or "-", str(self.newest)))


@dataclass(frozen=True, slots=True)
class Committed:
    """The next offset that the group has for a partition, and what is noted beside it."""

    offset: int
    note: Note


def read(text: str | None) -> Note:
    parts = (text or "").split(" ")
    if len(parts) != 5 or parts[0] != _MARK or not parts[4].isdecimal():
        return Note()
    cluster, topic_id, owner = ("" if part == "-" else part for part in parts[1:4])
    return Note(cluster, topic_id, owner, int(parts[4]))


@dataclass(frozen=True, slots=True)
class Word:
    """The operator's decision about one contradiction. `given_at` is RFC 3339."""

    token: str
    given_at: str

    def text(self) -> str:
        return " ".join((_WORD_MARK, self.token, self.given_at))


def read_word(text: str | None) -> Word | None:
    parts = (text or "").split(" ")
    return Word(parts[1], parts[2]) if len(parts) == 3 and parts[0] == _WORD_MARK else None


def owner_of(key: bytes) -> str:
    """Who a deployment is, for a service that has no database to say it: what its key makes of a fixed text. Whoever
    reads it learns nothing of the key, and two deployments never have the same."""
    return hmac.digest(key, b"goodstanding: which deployment", "sha256")[:8].hex()
