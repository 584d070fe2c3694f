"""Example bodies in `examples/<type>/`: each in `accepted/` is taken, each in `refused/` gives the fault that it names.

An accepted example is a body. A refused one is `{"code": ..., "field": ..., "body": ...}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.contracts.checks import check_change, check_event, check_request
from shared.contracts.faults import Fault
from shared.contracts.messages import TYPES, BehaviorEvent, RecordChange, RecordReport, read
from shared.contracts.published.schemas import Problem
from shared.contracts.subject import SubjectRequest

DIRECTORY = Path(__file__).parents[1] / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """One example; `code` and `field` are None where the body must be accepted."""

    type: str
    name: str
    body: Any
    code: str | None
    field: str | None


def examples(directory: Path = DIRECTORY) -> Iterator[Example]:
    for path in sorted(directory.glob("*/accepted/*.json")):
        yield Example(path.parent.parent.name, path.stem, json.loads(path.read_text(encoding="utf-8")), None, None)
    for path in sorted(directory.glob("*/refused/*.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        yield Example(path.parent.parent.name, path.stem, case["body"], case["code"], case["field"])


def check(directory: Path = DIRECTORY) -> list[Problem]:
    """The examples that do not behave, and the types that have none of a sort."""
    found = list(examples(directory))
    problems = [problem for example in found if (problem := _check(example))]
    for name in TYPES.values():
        for wanted, sort in ((True, "accepted"), (False, "refused")):
            if not any(example.type == name and (example.code is None) is wanted for example in found):
                problems.append(Problem(name, f"has no {sort} example"))
    return problems


def verdict(type_name: str, body: Any) -> Fault | None:
    """What becomes of a body of this type: the fault for which it is refused, or None."""
    model: type[Any] = next(model for model, name in TYPES.items() if name == type_name)
    message = read(model, json.dumps(body).encode())
    if isinstance(message, Fault):
        return message
    if isinstance(message, RecordChange):
        return check_change(message)
    if isinstance(message, SubjectRequest):
        return check_request(message)
    return check_event(message) if isinstance(message, BehaviorEvent | RecordReport) else None


def _check(example: Example) -> Problem | None:
    if example.type not in TYPES.values():
        return Problem(example.type, f"example {example.name}: there is no such type")
    fault = verdict(example.type, example.body)
    expected = (example.code, example.field)
    actual = (str(fault.code), fault.field) if fault else (None, None)
    if actual == expected:
        return None
    return Problem(example.type, f"example {example.name}: expected {expected}, but it gives {actual}")
