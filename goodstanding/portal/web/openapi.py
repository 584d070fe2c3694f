"""The OpenAPI 3.1 document of the portal, `docs/openapi.json`: made from the operations, and served too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from goodstanding.portal import documents
from goodstanding.portal.web.interface import OPERATIONS, Operation
from shared.contracts.fields import ID_CHARACTERS_MAX
from shared.contracts.identity import USER_ID_PATTERN
from shared.made_file import keep
from shared.settings import ROOT

FILE = ROOT / "docs" / "openapi.json"
_REF = "#/components/schemas/{name}"
_PARAMETERS: dict[str, dict[str, Any]] = {
    "user_id": {"type": "string", "pattern": USER_ID_PATTERN},
    "partner": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$"},
    "id": {"type": "string", "minLength": 1, "maxLength": ID_CHARACTERS_MAX},
    "subscriber": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$"},
}
_PROBLEMS = {
    "401": "No key or link that is in force",
    "403": "The key lacks the scope, or the person's permission",
    "422": "What was sent is not taken; `code` says why, `field` where",
    "429": "Too many requests; `Retry-After` says when to ask again",
    "503": "Kafka or the database does not answer",
}


def document() -> dict[str, Any]:
    models = {each.answers for each in OPERATIONS} | {each.takes for each in OPERATIONS} | {documents.ProblemDetails}
    named = sorted((each for each in models if each not in (None, type(None))), key=lambda each: each.__name__)
    _, schemas = msgspec.json.schema_components(named, ref_template=_REF)
    for schema in schemas.values():
        if "description" in schema:
            # Each release of Python has its own opinion on how far the lines of a docstring are indented.
            schema["description"] = " ".join(schema["description"].split())
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Goodstanding portal",
            "version": "1.0.0",
            "description": (
                "Where a person stands and why, over HTTP. Within v1 answers only gain fields. A subscriber sees a "
                "person only while that person permits it, and the person can read every look."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The key of a subscriber or partner, or the token of a person's own link.",
                }
            },
        },
    }


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _operation(of: Operation) -> dict[str, Any]:
    who = f"A key needs the scope `{of.scope}`." if of.scope else "The person's own link alone."
    described: dict[str, Any] = {
        "operationId": of.id,
        "summary": of.summary,
        "description": who,
        "parameters": list(_parameters(of)),
        "responses": {str(of.status): _answer(of), **dict(_problems(of))},
    }
    if _takes(of):
        described["requestBody"] = {"required": True, "content": _body(of)}
    return described


def _takes(of: Operation) -> bool:
    return of.takes is not None or of.takes_message


def _body(of: Operation) -> dict[str, Any]:
    return {"*/*": {}} if of.takes is None else {"application/json": {"schema": _ref(of.takes)}}


def _answer(of: Operation) -> dict[str, Any]:
    said = (of.answers.__doc__ or of.summary).strip().partition("\n\n")[0]
    described: dict[str, Any] = {"description": " ".join(said.split())}
    if of.answers is type(None):
        return {"description": "Done"}
    described["content"] = {"application/json": {"schema": _ref(of.answers)}}
    if of.method == "GET":
        described["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "For `If-None-Match`."}}
    return described


def _problems(of: Operation) -> Iterator[tuple[str, dict[str, Any]]]:
    if of.method == "GET":
        yield "304", {"description": "As it was: the `ETag` is that of `If-None-Match`"}
    for status, meaning in sorted({**_PROBLEMS, "404": of.not_found}.items()):
        if status == "422" and not (_takes(of) or of.has_language):
            continue
        yield (
            status,
            {
                "description": meaning,
                "content": {"application/problem+json": {"schema": _ref(documents.ProblemDetails)}},
            },
        )


def _parameters(of: Operation) -> Iterator[dict[str, Any]]:
    for name, schema in _PARAMETERS.items():
        if f"{{{name}}}" in of.path:
            yield {"name": name, "in": "path", "required": True, "schema": schema}
    if of.has_language:
        schema = {"type": "string", "enum": ["en", "zh"]}
        yield {"name": "language", "in": "query", "schema": schema, "description": "Else by `Accept-Language`."}
    if of.method == "GET":
        yield {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}


def _ref(model: type[Any]) -> dict[str, str]:
    return {"$ref": _REF.format(name=model.__name__)}


@cache
def _served() -> bytes:
    return text().encode()


async def _show(_: Request) -> Response:
    return Response(_served(), media_type="application/json")


def routes() -> list[Route]:
    return [Route("/openapi.json", _show)]


if __name__ == "__main__":
    raise SystemExit(keep("goodstanding.portal.web.openapi", FILE, text(), None))
