"""Whoever sends a body of another form learns which field is wrong, and nothing of what was sent is quoted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from starlette.requests import Request

from goodstanding.portal.documents import Dispute, Permit
from goodstanding.portal.web.office import language_asked, language_of
from goodstanding.portal.web.problems import ProblemError

FORM, LACKS = "The body has not the form that /openapi.json says.", "The body lacks a field that /openapi.json says."


@pytest.mark.parametrize(
    ("model", "body", "detail", "field"),
    [
        (Dispute, {}, LACKS, "record_id"),
        (Dispute, {"record_id": "7d1e"}, LACKS, "reason"),
        (Dispute, {"record_id": "7d1e", "reason": 7}, FORM, "reason"),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "text": ["GS000000000195"]}, FORM, "text"),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "GS000000000195": 1}, FORM, ""),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "missing required field `GS000000000195": 1}, FORM, ""),
        (Dispute, {"record_id": "7d1e", "reason": "paid", "x` - at `$.GS000000000195": 1}, FORM, ""),
        (Permit, "GS000000000195", FORM, ""),
    ],
)
def test_a_field_of_ours_is_named(model: type[Any], body: object, detail: str, field: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(msgspec.json.encode(body), type=model)
    problem = ProblemError.of_form(raised.value)
    assert (problem.status, problem.code, problem.detail, problem.field) == (422, "wrong-type", detail, field)


def _request(language: str | None, accepted: str) -> Request:
    query = b"" if language is None else f"language={language}".encode()
    headers = [(b"accept-language", accepted.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query, "headers": headers})


@pytest.mark.parametrize(
    ("language", "accepted", "found"),
    [
        (None, "", "en"),
        (None, "fr-FR, zh-CN;q=0.8, en;q=0.5", "zh"),
        (None, "enm, zho", "en"),
        ("zh", "en", "zh"),
        ("ZH-Hans", "en", "zh"),
        ("", "zh", "zh"),
    ],
)
def test_the_language_is_the_one_in_the_address_or_the_first_accepted_that_there_is(
    language: str | None, accepted: str, found: str
) -> None:
    request = _request(language, accepted)
    assert (language_asked(request), language_of(request)) == (found, found)


@pytest.mark.parametrize("language", ["fr", "english", "zho", "en_GB", "-"])
def test_a_program_that_asks_for_another_language_is_refused_and_a_page_is_in_english(language: str) -> None:
    request = _request(language, "zh")
    with pytest.raises(ProblemError) as raised:
        language_asked(request)
    assert (raised.value.status, raised.value.field) == (422, "language")
    assert language_of(request) == "en"
