"""Requests as somebody types them, and what of a topic is told to people."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from goodstanding.errors import UserError
from goodstanding.person.asking import request_of, told_by
from shared.contracts.messages import TYPES, encode
from shared.contracts.subject import ErasureConfirmed, SubjectAnswer, SubjectRequest


def test_a_request_is_what_was_typed() -> None:
    made = request_of(request="statement", record_id="ab" * 16, reason=None, text="I was in hospital.")
    assert made == SubjectRequest(request="statement", record_id="ab" * 16, text="I was in hospital.")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"text": "w" * 20_000}, "text"),
        ({"text": "字" * 1_001}, "text"),
        ({"text": "two\nlines"}, "text"),
        ({"text": "a\x1b[31mred"}, "text"),
        ({"text": "\udcff"}, "text"),
        ({"record_id": "r" * 5_000}, "record_id"),
        ({"reason": "because"}, "reason"),
        ({"partner": "p\x00"}, "partner"),
    ],
)
def test_what_the_contract_does_not_take_is_told_in_a_sentence(typed: dict[str, str], field: str) -> None:
    """Whatever is typed, nobody gets a traceback, nor the text back."""
    with pytest.raises(UserError) as raised:
        request_of(**{"request": "statement", "record_id": "r", "text": "Words.", **typed})
    assert raised.value.sentence.startswith(f"{field}: ")
    assert typed[field] not in str(raised.value)


def _record(body: Any) -> Any:
    return SimpleNamespace(headers=[("ce_type", TYPES[type(body)].encode())], value=encode(body))


def test_what_services_tell_each_other_is_nothing_to_people() -> None:
    assert told_by(_record(ErasureConfirmed(request_id="q-1", service="scorer"))) is None
    answer = SubjectAnswer(request_id="q-1", service="scorer", status="done", code="up-to-date", en="Yes.", zh="是。")
    assert told_by(_record(answer)) == answer
