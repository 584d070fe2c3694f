"""The page of the mapping language: every key with an example, each of which is a piece of a file."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import msgspec
import pytest

from goodstanding.published import docstrings, mapping_reference
from goodstanding.published.mapping_reference import _TABLES

EXAMPLE = re.compile(r"`([a-z_]+ = [^`]+|\{ [^`]+ \})`")
FIELDS = [(cls, field) for _, cls in _TABLES for field in msgspec.structs.fields(cls)]


@pytest.mark.parametrize(("cls", "field"), FIELDS, ids=lambda each: getattr(each, "name", None) or each.__name__)
def test_every_key_has_an_example_that_its_type_takes(cls: type, field: Any) -> None:
    said = docstrings.of_fields(cls)[field.name]
    examples = EXAMPLE.findall(said)
    assert examples, said
    for example in examples:
        if example.startswith("{"):
            table = tomllib.loads(f"value = {example}")["value"]
            assert field.encode_name in table or cls.__name__ in ("Text", "Word", "Late", "Moment", "Whole")
            msgspec.convert(table, cls)
        else:
            document = tomllib.loads(example)
            value = document.get(field.encode_name)
            if value is not None:
                msgspec.convert(value, field.type)


def test_the_page_has_every_key_once() -> None:
    page = mapping_reference.text()
    for _, cls in _TABLES:
        for field in msgspec.structs.fields(cls):
            assert f"| `{field.encode_name}` |" in page
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\(#([^)]*)\)", page)) <= anchors
