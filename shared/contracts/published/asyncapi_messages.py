"""The messages of the AsyncAPI document, with their headers, payloads and examples, and the schemas that they share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from shared.contracts.cloudevents import ARRIVED, STRUCTURED
from shared.contracts.dead_letters import REDRIVEN, SET_ASIDE
from shared.contracts.erasure import ERASED, ERASURE_AT, ERASURE_ID
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.messages import (
    TYPES,
    BehaviorEvent,
    DisputeQuestion,
    RecordChange,
    RecordReport,
    RecordSettled,
    Refusal,
    ScoreChange,
    TierChange,
)
from shared.contracts.published import examples, schemas
from shared.contracts.subject import SubjectAnswer

Object = dict[str, Any]
NATIVE_BEHAVIOR, NATIVE_RECORD, MAPPED = "native.behavior", "native.record", "mapped"


def messages() -> Iterator[tuple[str, Object]]:
    shown = list(examples.examples())
    for model, name in TYPES.items():
        make = _refusal if model is Refusal else _binary
        yield name, make(model, name, [example for example in shown if example.type == name])
    for name, model in ((NATIVE_BEHAVIOR, BehaviorEvent), (NATIVE_RECORD, RecordReport)):
        yield name, _native(model)
    yield MAPPED, _OWN_FORMAT
    yield SET_ASIDE, _set_aside()
    yield REDRIVEN, _redriven()
    yield ERASED, _erased()


def _binary(model: type, name: str, shown: list[examples.Example]) -> Object:
    """A message of ours: attributes in headers, the body as value."""
    key = _REPORT_ID if model in (DisputeQuestion, RecordSettled) else _USER_ID
    attributes: Object = {"ce_time": _INSTANT, "ce_partitionkey": key}
    optional: Object = {}
    if model in (BehaviorEvent, RecordReport):
        attributes["ce_origin"] = _POSITION
        # Earlier releases of ingest did not say when the partner's own record was appended.
        optional[f"ce_{ARRIVED}"] = _INSTANT
        optional["ce_fieldnames"] = _FIELDNAMES
    if which := _NAMES_ERASURE.get(model):
        optional[f"ce_{ERASURE_ID}"] = {"type": "string", "description": which}
        optional[f"ce_{ERASURE_AT}"] = {**_INSTANT, "description": f"{which} When it was asked for."}
    return {
        "name": name,
        "title": name,
        "summary": _summary(model),
        "contentType": "application/json",
        "headers": _headers(name, {**attributes, **optional}, required=[*attributes]),
        "payload": ref("schemas", model.__name__),
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
        "examples": [{"name": each.name, "payload": each.body} for each in shown if each.code is None],
        "x-refused": [_refused(each, "payload") for each in shown if each.code],
    }


def _refusal(model: type, name: str, shown: list[examples.Example]) -> Object:
    """A refusal is all in its headers; the value is what the partner sent."""
    body = schemas.generate(model)
    attributes = {f"ce_{field}": _without_null(schema) for field, schema in body["properties"].items()}
    headers = _headers(name, attributes, required=[f"ce_{field}" for field in body["required"]])
    return {
        "name": name,
        "title": name,
        "summary": _summary(model),
        "description": "The value is the untouched raw event; from services behind ingest it is null.",
        "contentType": "application/octet-stream",
        "headers": headers,
        "payload": {},
        "examples": [{"name": each.name, "headers": _prefixed(each.body)} for each in shown if each.code is None],
        "x-refused": [_refused(each, "headers") for each in shown if each.code],
    }


def _refused(example: examples.Example, part: str) -> Object:
    """What is not taken, with the code and field that it is refused for; AsyncAPI itself knows only good examples."""
    body = _prefixed(example.body) if part == "headers" else example.body
    return {"name": example.name, "code": example.code, "field": example.field, part: body}


def _prefixed(body: Object) -> Object:
    return {f"ce_{field}": value for field, value in body.items()}


def _native(model: type) -> Object:
    """What a partner without a format of its own sends: a structured CloudEvent around the normalized body."""
    name = TYPES[model]
    return {
        "name": name,
        "title": f"{name}, from a partner of the native format",
        "summary": _summary(model),
        "description": "`subject` is the person's common identifier, and so is `contact`; ingest makes a user_id of it."
        " In binary mode the attributes are headers (`ce_id`, ...) and the value is `data` alone.",
        "contentType": STRUCTURED,
        "payload": {
            "type": "object",
            "required": ["specversion", "id", "source", "type", "time", "subject", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "minLength": 1, "maxLength": 128},
                "source": {"type": "string", "format": "uri-reference", "minLength": 1},
                "type": {"const": name},
                "time": _INSTANT,
                "subject": _IDENTIFIER,
                "partitionkey": {"type": "string", "description": "If there is one, the key of the Kafka record."},
                "datacontenttype": {"type": "string"},
                "data": ref("schemas", f"Native{model.__name__}"),
            },
        },
    }


_OWN_FORMAT: Object = {
    "name": MAPPED,
    "title": "An event in the partner's own format",
    "summary": "JSON or a line of CSV, with or without a CloudEvents envelope, as partners/<partner>.toml reads it.",
    "description": "`goodstanding partner sample <partner>` shows some.",
    "payload": {},
}


def _set_aside() -> Object:
    summary = "A record that no rule could answer for: its position and the reason, never its content."
    origin = {**_POSITION, "pattern": r"^[a-zA-Z0-9._-]{1,249}/[0-9]+/[0-9]+$|^timer/.*$"}
    origin["description"] += ", or timer/<run> of what the clock made due, where there is no record"
    attributes = {"ce_origin": origin, "ce_code": {"type": "string"}, "ce_sentence": {"type": "string"}}
    return _only_headers(SET_ASIDE, summary, attributes)


def _redriven() -> Object:
    summary = "A record that was set aside was appended again, by the operator: the position that it had before."
    return _only_headers(REDRIVEN, summary, {"ce_origin": _POSITION})


def _erased() -> Object:
    summary = "Everything about the person is erased: what a reader knows of the person has to go as well."
    attributes: Object = {"ce_time": _INSTANT, "ce_partitionkey": _USER_ID, "ce_requestid": {"type": "string"}}
    mark = _only_headers(ERASED, summary, attributes)
    return {
        **mark,
        "description": "The message has a key and no value, which lets a compacted topic forget the person. Its time "
        "is that of the person's request. One about a person whom nobody knows lets the broker clean up.",
        "bindings": {"kafka": {"key": _USER_ID, "bindingVersion": "0.5.0"}},
    }


def _only_headers(name: str, summary: str, attributes: Object) -> Object:
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": "application/octet-stream",
        "headers": _headers(name, attributes),
        "payload": {"const": ""},
    }


# -- schemas ---------------------------------------------------------------------------------------------------------

_INSTANT = {"type": "string", "format": "date-time"}
_REPORT_ID: Object = {"type": "string", "description": "The provider's own number of the record."}
_USER_ID = {"type": "string", "pattern": USER_ID_PATTERN}
_CAME_BACK = "Of somebody who was erased and has come back, for sixteen days: the last erasure."
_NAMES_ERASURE = {
    RecordChange: _CAME_BACK,
    ScoreChange: _CAME_BACK,
    TierChange: _CAME_BACK,
    SubjectAnswer: "Of somebody who was erased since asking, or is to be: that erasure. Do not keep such an answer.",
}
"""Of which erasure a message has the name."""
_FIELDNAMES = {
    "type": "string",
    "description": "A JSON object: what the partner calls the fields that a later service may refuse.",
}
_IDENTIFIER = {"type": "string", "minLength": 1, "description": "The person by the deployment's common scheme."}
_POSITION = {
    "type": "string",
    "pattern": r"^[a-zA-Z0-9._-]{1,249}/[0-9]+/[0-9]+$",
    "description": "<topic>/<partition>/<offset>",
}


def _headers(type_name: str, attributes: Object, required: list[str] | None = None) -> Object:
    """CloudEvents attributes as Kafka headers, the common ones and these; by default all of them are required."""
    common = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string"},
        "ce_source": {"type": "string"},
        "ce_type": {"const": type_name},
    }
    return {
        "type": "object",
        "properties": {**common, **attributes},
        "required": [*common, *(attributes if required is None else required)],
    }


def body_schemas() -> Object:
    """The committed schemas, with the definitions that they share beside them, and those of the native format."""
    found: Object = {}
    for model in TYPES:
        made = schemas.generate(model)
        found |= {name: _moved(schema) for name, schema in made.get("$defs", {}).items()}
        found[model.__name__] = _moved(made)
    for model in (BehaviorEvent, RecordReport):
        found[f"Native{model.__name__}"] = json.loads(json.dumps(found[model.__name__]))
    found["NativeBehaviorEvent"]["properties"]["contact"] = _IDENTIFIER
    return found


def _moved(node: Any) -> Any:
    """Without what only a document of its own has, and with its references into `components`."""
    if isinstance(node, list):
        return [_moved(member) for member in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return ref("schemas", node["$ref"].removeprefix("#/$defs/"))
    return {key: _moved(member) for key, member in node.items() if key not in ("$schema", "$id", "$defs")}


def ref(section: str, name: str) -> Object:
    return {"$ref": f"#/components/{section}/{name}"}


def _without_null(schema: Object) -> Object:
    """A header is there or not; it is never null."""
    return next((each for each in schema.get("anyOf", []) if each != {"type": "null"}), schema)


def _summary(model: type) -> str:
    return (model.__doc__ or "").partition("\n")[0]
