"""What the subscriber of docs/examples makes of each record: a table of records in the order of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.examples import example

follow = example("follow")
PERSON, OTHER = "a1" * 32, "b2" * 32


@dataclass(frozen=True)
class Record:
    key: bytes | None
    value: bytes | None
    topic: str = "tiers.changed"
    headers: tuple[tuple[str, bytes], ...] = (("ce_type", b"goodstanding.tier.changed.v1"),)


def tier(person: str, version: int, tier: str = "fair", **changes: Any) -> Record:
    return Record(person.encode(), b'{"version":%d,"tier":"%b"}' % (version, tier.encode()), **changes)


def body(version: int, tier: str = "fair") -> dict[str, Any]:
    return {"version": version, "tier": tier}


def test_each_record_is_news_or_none() -> None:
    later = (("ce_type", b"goodstanding.tier.changed.v2"),)
    story = [
        (tier(PERSON, 1), (PERSON, body(1))),
        (tier(OTHER, 7), (OTHER, body(7))),  # compaction has taken the six before
        (tier(PERSON, 2, "good"), (PERSON, body(2, "good"))),
        (tier(PERSON, 1), None),  # sent again
        (tier(PERSON, 2, "good"), None),
        (tier(PERSON, 1, topic="scores.changed"), (PERSON, body(1))),  # each topic has versions of its own
        (Record(b"_roll", b""), None),
        (Record(b"_roll", None), None),
        (Record(None, b""), None),
        (Record(b"\xff" * 64, b"{}"), None),
        (tier(PERSON, 9, "other", headers=later), None),
        (Record(PERSON.encode(), None), (PERSON, None)),  # erased
        (Record(PERSON.encode(), None), None),
        (tier(PERSON, 1), (PERSON, body(1))),  # a new beginning
    ]
    follower = follow.Follower()
    for record, news in story:
        assert follower.take(record) == news, record
    assert follower.newest["tiers.changed"] == {PERSON: body(1), OTHER: body(7)}
