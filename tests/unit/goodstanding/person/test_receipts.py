"""A receipt is read from what commands answer, and the bounds that operators see follow from the topics' settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from goodstanding.errors import UserError
from goodstanding.person.asking import as_json_of
from goodstanding.person.erasing import bounds
from goodstanding.person.receipts import receipt_in
from services.retention.core.erasure import Erasure, receipt
from shared.contracts.topics import topics

USER = "ab" * 32
AT = datetime(2026, 3, 1, tzinfo=UTC)
SAID = receipt(USER, Erasure("r1", AT), AT + timedelta(seconds=2), b"k" * 32)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"user_id": USER, **as_json_of(SAID)}, id="tail answers"),
        pytest.param(
            {"user_id": USER, "request_id": "r1", "answers": [{"type": "t"}, as_json_of(SAID)]}, id="subject erase"
        ),
    ],
)
def test_a_receipt_is_found_in_what_a_command_answers(told: dict[str, Any]) -> None:
    assert receipt_in(msgspec.json.decode(msgspec.json.encode(told))) == (USER, SAID)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "There is no receipt in it"),
        ({"user_id": USER, "answers": [{"type": "goodstanding.subject.answered.v1"}]}, "There is no receipt in it"),
        (as_json_of(SAID), "There is no receipt in it"),
        ({"user_id": 7, **as_json_of(SAID)}, "There is no receipt in it"),
        ({"user_id": "somebody", **as_json_of(SAID)}, "There is no receipt in it"),
        ({"user_id": USER.upper(), **as_json_of(SAID)}, "There is no receipt in it"),
        ({"user_id": "\ud800" * 64, **as_json_of(SAID)}, "There is no receipt in it"),
        ({"user_id": USER, "type": 7}, "There is no receipt in it"),
        ({"user_id": USER, "answers": 7}, "There is no receipt in it"),
        ({"user_id": USER, "answers": [7, None, [], "receipt"]}, "There is no receipt in it"),
        ({"user_id": USER, **as_json_of(SAID), "record_id": {"a": ["\ud800"]}}, "cannot be read"),
        ({"user_id": USER, **as_json_of(SAID), "digest": "short"}, "cannot be read: data.digest"),
    ],
)
def test_what_is_no_receipt_is_told(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        receipt_in(told)


def test_a_receipt_that_was_written_down_is_the_same() -> None:
    assert replace(SAID) == SAID


def test_what_operators_see_follows_from_the_settings_of_the_topics() -> None:
    at_most = {bound.where: bound.at_most for bound in bounds()}
    longest = max(topic.retention for topic in topics(["bank"]) if topic.retention)
    assert at_most["refusals, dead letters"] > longest
    assert at_most["refusals, dead letters"] < longest + timedelta(days=2)
    assert timedelta(days=2) < at_most["compacted topics: scores, tiers, records, crosswalks"] < timedelta(days=3)
    assert timedelta(days=9) < at_most["the mark itself, there"] < timedelta(days=12)
    assert all(span > timedelta(0) for span in at_most.values())
