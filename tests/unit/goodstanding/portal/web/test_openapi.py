"""The committed document is that of the code, and describes each operation."""

from __future__ import annotations

from goodstanding.portal.web import openapi
from goodstanding.portal.web.interface import OPERATIONS


def test_the_committed_document_is_what_the_code_makes() -> None:
    made = "run: python -m goodstanding.portal.web.openapi write"
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.text(), made


def test_each_operation_is_there_once_with_what_it_answers() -> None:
    document = openapi.document()
    found = {(path, method): each for path, methods in document["paths"].items() for method, each in methods.items()}
    assert len(found) == len(OPERATIONS)
    assert len({each["operationId"] for each in found.values()}) == len(found)
    for each in OPERATIONS:
        described = found[each.path, each.method.lower()]
        assert str(each.status) in described["responses"]
        named = {parameter["name"] for parameter in described["parameters"] if parameter["in"] == "path"}
        assert named == {part[1:-1] for part in each.path.split("/") if part.startswith("{")}
