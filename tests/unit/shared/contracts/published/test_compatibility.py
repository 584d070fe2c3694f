"""Which change of a schema breaks whom: the rule as a table."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.messages import TYPES
from shared.contracts.published.compatibility import incompatibilities
from shared.contracts.published.schemas import generate

Fields = dict[str, Any]

TEXT = {"type": "string"}
NUMBER = {"type": "integer"}
NULL = {"type": "null"}


def _schema(fields: Fields, required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(required), **more}


def _one(field: Fields) -> dict[str, Any]:
    return _schema({"a": field})


# Old, new, and whether it breaks senders (what we take) and readers (what others follow).
NEITHER, READERS, BOTH = (False, False), (False, True), (True, True)
CASES: list[tuple[str, dict[str, Any], dict[str, Any], tuple[bool, bool]]] = [
    ("nothing changed", _one(TEXT), _one(TEXT), NEITHER),
    ("only words changed", _one({**TEXT, "description": "x"}), _one({**TEXT, "title": "y", "examples": []}), NEITHER),
    ("optional field added", _one(TEXT), _schema({"a": TEXT, "b": NUMBER}), NEITHER),
    ("required field added", _one(TEXT), _schema({"a": TEXT, "b": NUMBER}, ("b",)), BOTH),
    ("optional field removed", _schema({"a": TEXT, "b": NUMBER}), _one(TEXT), BOTH),
    ("required field removed", _schema({"a": TEXT, "b": NUMBER}, ("b",)), _one(TEXT), BOTH),
    ("field renamed", _one(TEXT), _schema({"b": TEXT}), BOTH),
    ("optional made required", _one(TEXT), _schema({"a": TEXT}, ("a",)), BOTH),
    ("required made optional", _schema({"a": TEXT}, ("a",)), _one(TEXT), READERS),
    ("type changed", _one(TEXT), _one(NUMBER), BOTH),
    ("format changed", _one({**TEXT, "format": "date"}), _one({**TEXT, "format": "date-time"}), BOTH),
    ("pattern changed", _one({**TEXT, "pattern": "a"}), _one({**TEXT, "pattern": "b"}), BOTH),
    ("pattern added", _one(TEXT), _one({**TEXT, "pattern": "b"}), BOTH),
    ("default changed", _one({**NUMBER, "default": 1}), _one({**NUMBER, "default": 2}), BOTH),
    ("keyword that no rule knows", _one(NUMBER), _one({**NUMBER, "multipleOf": 5}), BOTH),
    ("minimum raised", _one({**NUMBER, "minimum": 0}), _one({**NUMBER, "minimum": 1}), BOTH),
    ("minimum lowered", _one({**NUMBER, "minimum": 1}), _one({**NUMBER, "minimum": 0}), READERS),
    ("minimum added", _one(NUMBER), _one({**NUMBER, "minimum": 0}), BOTH),
    ("minimum dropped", _one({**NUMBER, "minimum": 0}), _one(NUMBER), READERS),
    ("maximum lowered", _one({**NUMBER, "maximum": 9}), _one({**NUMBER, "maximum": 8}), BOTH),
    ("maximum raised", _one({**NUMBER, "maximum": 8}), _one({**NUMBER, "maximum": 9}), READERS),
    ("text shortened", _one({**TEXT, "maxLength": 9}), _one({**TEXT, "maxLength": 8}), BOTH),
    ("text lengthened", _one({**TEXT, "maxLength": 8}), _one({**TEXT, "maxLength": 9}), READERS),
    ("list shortened", _one({"items": TEXT, "maxItems": 5}), _one({"items": TEXT, "maxItems": 4}), BOTH),
    ("list lengthened", _one({"items": TEXT, "maxItems": 4}), _one({"items": TEXT, "maxItems": 5}), READERS),
    ("members changed", _one({"items": TEXT}), _one({"items": NUMBER}), BOTH),
    ("members now described", _one({}), _one({"items": TEXT}), BOTH),
    ("members no longer described", _one({"items": TEXT}), _one({}), BOTH),
    ("value removed", _one({"enum": ["x", "y"]}), _one({"enum": ["x"]}), BOTH),
    ("value added", _one({"enum": ["x"]}), _one({"enum": ["x", "y"]}), READERS),
    ("values in another order", _one({"enum": ["x", "y"]}), _one({"enum": ["y", "x"]}), NEITHER),
    ("text closed to a list", _one(TEXT), _one({**TEXT, "enum": ["x"]}), BOTH),
    ("list opened to any text", _one({**TEXT, "enum": ["x"]}), _one(TEXT), READERS),
    ("one value made two", _one({"const": "x"}), _one({"enum": ["x", "y"]}), READERS),
    ("null allowed", _one(TEXT), _one({"anyOf": [TEXT, NULL]}), READERS),
    ("null forbidden", _one({"anyOf": [TEXT, NULL]}), _one(TEXT), BOTH),
    ("type behind null changed", _one({"anyOf": [TEXT, NULL]}), _one({"anyOf": [NUMBER, NULL]}), BOTH),
    ("choice of types changed", _one({"anyOf": [TEXT, NUMBER]}), _one({"anyOf": [NUMBER, TEXT]}), BOTH),
    ("second choice changed", _one({"anyOf": [TEXT, NUMBER]}), _one({"anyOf": [TEXT, {"type": "boolean"}]}), BOTH),
    ("choice beside null added", _one({"anyOf": [TEXT, NULL]}), _one({"anyOf": [TEXT, NUMBER, NULL]}), BOTH),
    ("closed to other fields", _one(TEXT), _schema({"a": TEXT}, additionalProperties=False), BOTH),
    ("opened to other fields", _schema({"a": TEXT}, additionalProperties=False), _one(TEXT), NEITHER),
    (
        "moved behind a reference",
        _one(TEXT),
        {**_one({"$ref": "#/$defs/Name"}), "$defs": {"Name": TEXT}},
        NEITHER,
    ),
    (
        "changed behind a reference, behind null",
        {**_one({"anyOf": [{"$ref": "#/$defs/C"}, NULL]}), "$defs": {"C": _schema({"x": TEXT})}},
        {**_one({"anyOf": [{"$ref": "#/$defs/C"}, NULL]}), "$defs": {"C": _schema({"x": TEXT}, ("x",))}},
        BOTH,
    ),
    (
        "changed behind a reference, in a choice",
        {**_one({"anyOf": [{"$ref": "#/$defs/C"}, TEXT]}), "$defs": {"C": _schema({"x": TEXT})}},
        {**_one({"anyOf": [{"$ref": "#/$defs/C"}, TEXT]}), "$defs": {"C": _schema({"x": NUMBER})}},
        BOTH,
    ),
]


@pytest.mark.parametrize(("old", "new", "breaks"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(old: dict[str, Any], new: dict[str, Any], breaks: tuple[bool, bool]) -> None:
    assert (
        bool(incompatibilities(old, new, followed=False)),
        bool(incompatibilities(old, new, followed=True)),
    ) == breaks


def test_each_break_is_named_by_its_path() -> None:
    old = {**_one({"items": {"$ref": "#/$defs/C"}}), "$defs": {"C": _schema({"x": TEXT, "y": NUMBER})}}
    new = {**_one({"items": {"$ref": "#/$defs/C"}}), "$defs": {"C": _schema({"y": {**NUMBER, "maximum": 3}})}}
    assert incompatibilities(old, new, followed=False) == (
        "data.a[].x: the field was removed",
        "data.a[].y: `maximum` is narrower (None to 3)",
    )


@pytest.mark.parametrize("model", TYPES, ids=lambda model: model.__name__)
@pytest.mark.parametrize("followed", [False, True])
def test_a_schema_may_replace_itself(model: type, followed: bool) -> None:
    assert incompatibilities(generate(model), generate(model), followed) == ()
