"""The last message of each key, as a mapping that a service reads several times."""

from __future__ import annotations

import pytest

from shared.kafka.last_messages import LastMessages
from shared.kafka.records import ReadRecord


def _record(offset: int, key: bytes | None, value: bytes | None = b"value") -> ReadRecord:
    headers = (("ce_id", b"\xff"), ("empty", None))
    return ReadRecord("scores.changed", 3, offset, 1_700_000_000_000, 1, key, value, headers, 0.5)


def test_the_last_of_each_key_as_it_was_read() -> None:
    messages = LastMessages()
    messages.take([_record(1, b"b"), _record(2, b"a"), _record(3, None)])
    messages.take([_record(4, b"b", None), _record(5, b"")])
    expected = {b"": _record(5, b""), b"a": _record(2, b"a"), b"b": _record(4, b"b", None)}
    assert dict(messages) == expected
    assert (list(messages.items()), list(messages.values())) == (list(expected.items()), list(expected.values()))
    assert len(messages) == 3
    assert b"b" in messages
    assert b"c" not in messages
    with pytest.raises(KeyError):
        messages[b"c"]


def test_more_than_are_fetched_at_once_are_read_while_others_are_asked_for() -> None:
    messages = LastMessages()
    messages.take([_record(offset, b"%04d" % offset) for offset in range(1_200)])
    assert [(record.offset, messages[key].offset) for key, record in messages.items()] == [
        (offset, offset) for offset in range(1_200)
    ]
