"""A form is taken from the session's own page alone."""

from __future__ import annotations

from typing import Any, cast

import pytest
from starlette.requests import Request

from goodstanding.portal import tokens
from goodstanding.portal.web.office import Office
from goodstanding.portal.web.problems import ProblemError
from goodstanding.portal.web.sessions import Session, form_of

SESSION = Session(tokens.Token("session", "person", "ab" * 32, 2**31, "n"), "the-word")
NO_OFFICE = cast(Office, None)


def _request(origin: str | None) -> Request:
    headers = [(b"host", b"portal.example:8443"), *([(b"origin", origin.encode())] if origin is not None else [])]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"word=the-word&text=a", "more_body": False}

    return Request({"type": "http", "method": "POST", "path": "/me", "query_string": b"", "headers": headers}, receive)


@pytest.mark.parametrize("origin", [None, "null", "https://portal.example:8443"])
async def test_a_form_of_this_place_is_read(origin: str | None) -> None:
    assert await form_of(NO_OFFICE, _request(origin), SESSION) == {"text": "a"}


@pytest.mark.parametrize("origin", ["", "https://portal.example", "https://portal.example:8443@evil", "http://["])
async def test_a_form_of_another_place_is_refused_however_its_name_is_written(origin: str) -> None:
    with pytest.raises(ProblemError) as raised:
        await form_of(NO_OFFICE, _request(origin), SESSION)
    assert raised.value.code == "foreign-form"
