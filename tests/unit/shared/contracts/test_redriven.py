"""Nobody but the operator can say when a record had arrived."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.cloudevents import EVENT_BYTES_MAX, too_large
from shared.contracts.redriven import HEADER, arrived_ms, dated, undated

KEY = b"of the deployment, and 32 bytes."
AT_MS = 1_700_000_000_123
RECORD: dict[str, Any] = {
    "topic": "behavior.raw.bank",
    "record_key": b"key",
    "value": b"value",
    "headers": (("ce_id", b"1"), ("null", None), ("odd\udcff", b"\xff")),
}


def told(key: bytes = KEY, **other: Any) -> int | None:
    """What is read where these parts differ from the record that was dated."""
    headers = dated(KEY, **RECORD, arrived_ms=AT_MS)
    return arrived_ms(key, **{**RECORD, "headers": headers, **other})


def test_what_the_operator_has_written_is_read_and_what_its_partner_sent_is_still_there() -> None:
    assert told() == AT_MS
    assert tuple(undated(dated(KEY, **RECORD, arrived_ms=AT_MS))) == RECORD["headers"]
    bare: dict[str, Any] = {"topic": "t", "record_key": None, "value": None, "headers": ()}
    assert arrived_ms(KEY, **{**bare, "headers": dated(KEY, **bare, arrived_ms=0)}) == 0


def test_a_record_that_is_dated_again_has_one_date() -> None:
    twice = dated(KEY, **{**RECORD, "headers": dated(KEY, **RECORD, arrived_ms=AT_MS)}, arrived_ms=AT_MS)
    assert [name for name, _ in twice].count(HEADER) == 1
    assert told(headers=twice) == AT_MS


def _with(content: bytes | None) -> list[tuple[str, bytes | None]]:
    return [*RECORD["headers"], (HEADER, content)]


DATED = dict(dated(KEY, **RECORD, arrived_ms=AT_MS))[HEADER]
assert DATED is not None


@pytest.mark.parametrize(
    "other",
    [
        {"key": b"another deployment's, of 32 bytes"},
        {"topic": "behavior.raw.shop"},
        {"record_key": None},
        {"value": b"other"},
        {"headers": ()},
        {"headers": RECORD["headers"]},
        # Another event under the code of this one.
        {"headers": [("ce_id", b"2"), *_with(DATED)[1:]]},
        {"headers": [*_with(DATED), ("behind", b"it")]},
        {"headers": _with(b"%d" % (AT_MS - 1) + DATED[DATED.index(b".") :])},
        {"headers": _with(b"%d." % AT_MS + b"0" * 64)},
        {"headers": _with(DATED[:-1])},
        {"headers": _with(b"")},
        {"headers": _with(None)},
        {"headers": _with(b"9" * 5_000)},
    ],
    ids=range(14),
)
def test_whatever_anybody_else_writes_says_nothing(other: dict[str, Any]) -> None:
    assert told(**other) is None


def test_an_event_does_not_become_too_large_by_its_date() -> None:
    largest: dict[str, Any] = {"topic": "t", "record_key": None, "value": bytes(EVENT_BYTES_MAX), "headers": ()}
    headers = dated(KEY, **largest, arrived_ms=10**14 - 1)
    assert too_large(None, largest["value"], headers) is None
    assert too_large(None, largest["value"] + b"x", headers)
    assert too_large(None, largest["value"], [(HEADER, b"x" * 81)]), "which no redrive has written"
