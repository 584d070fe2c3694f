"""What is read is answered with a tag of its content, by which whoever asks again is told that it is the same."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from services.scorer.core.reasons.figures import Language


def document_of(request: Request, document: Any, language: Language | None) -> Response:
    """The document, or that it is as whoever asks knows it."""
    content = msgspec.json.encode(document)
    tag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Accept-Language"}
    if language:
        headers["Content-Language"] = language
    given = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in given:
        return Response(None, 304, headers)
    return Response(content, 200, headers, "application/json")
