"""What goes wrong over HTTP, as problem details (RFC 9457) with a stable code and a sentence that says what to do."""

from __future__ import annotations

import re

import msgspec
from starlette.responses import Response

from shared.contracts.faults import Fault

TITLES = {
    400: "Bad request",
    401: "Not logged in",
    403: "Not permitted",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not taken",
    429: "Too many requests",
    503: "Not available",
}


class ProblemError(Exception):
    """Ends a request. `code` and `detail` are for whoever asked, and never quote what was sent."""

    def __init__(self, status: int, code: str, detail: str, *, field: str = "", retry_after_s: int = 0) -> None:
        super().__init__(code)
        self.status, self.code, self.detail, self.field, self.retry_after_s = status, code, detail, field, retry_after_s

    @classmethod
    def of(cls, fault: Fault) -> ProblemError:
        """For what the contracts do not take, by their own code."""
        return cls(422, str(fault.code), fault.sentence, field=fault.field)

    @classmethod
    def of_form(cls, error: msgspec.ValidationError) -> ProblemError:
        """For a body of another form. A field that is missing or has another type is named, since its name is ours; one
        that we do not know is the sender's word."""
        told = _NAMED.match(str(error))
        lacks, at = told.groups() if told else (None, None)
        sentence = "The body lacks a field" if lacks else "The body has not the form"
        return cls(422, "wrong-type", f"{sentence} that /openapi.json says.", field=lacks or at or "")


_NAMED = re.compile(r"Object missing required field `(\w+)`|(?!Object contains unknown field).* - at `\$\.(\w+)`$")
"""What msgspec says of a field of ours, from its first word on: behind "unknown field" anything may stand."""


def response(problem: ProblemError) -> Response:
    body = {
        "type": f"urn:goodstanding:problem:{problem.code}",
        "title": TITLES[problem.status],
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        **({"field": problem.field} if problem.field else {}),
    }
    headers = {"Cache-Control": "no-store"}
    if problem.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="goodstanding"'
    if problem.retry_after_s:
        headers["Retry-After"] = str(problem.retry_after_s)
    return Response(msgspec.json.encode(body), problem.status, headers, "application/problem+json")
