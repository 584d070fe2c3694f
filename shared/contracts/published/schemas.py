"""The JSON Schemas of all bodies, committed in `schemas/`: what others build against, so it changes only compatibly.

Within a version (the `.v1` of a type) only optional fields are added. Anything else needs a new version.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from shared.contracts.messages import (
    TYPES,
    DisputeQuestion,
    RecordChange,
    RecordSettled,
    Refusal,
    ScoreChange,
    TierChange,
    schema,
)
from shared.contracts.published.compatibility import incompatibilities
from shared.contracts.subject import ConsentNoted, ErasureReceipt, SubjectAnswer, SubjectNotice

DIRECTORY = Path(__file__).parents[1] / "schemas"
FOLLOWED = frozenset({ScoreChange, DisputeQuestion, RecordSettled, Refusal, TierChange})
"""Bodies that others than our own services read. For them it also breaks when we begin to send something new."""
OPEN = FOLLOWED | {RecordChange, SubjectAnswer, SubjectNotice, ConsentNoted, ErasureReceipt}
"""Bodies whose schema says nothing of further fields, so that readers pass them over. Changes of records were followed
by others until decision 0018, and a schema that is open is never closed. What is told to people is shown by a portal,
which may be of an earlier release."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that `check` or `write` will not let pass; `type` is the message type."""

    type: str
    sentence: str


def generate(model: type) -> dict[str, Any]:
    """The schema as it is committed: with its type as `$id`, and open to new fields where others follow the topic."""
    made = schema(model)
    if model in OPEN:
        for described in (made, *made.get("$defs", {}).values()):
            described.pop("additionalProperties", None)
    return {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"urn:goodstanding:{TYPES[model]}", **made}


@cache
def text(model: type) -> str:
    return json.dumps(generate(model), indent=2, ensure_ascii=False) + "\n"


def write(directory: Path = DIRECTORY) -> list[Problem]:
    """Bring the committed schemas up to date, but for those where that would break what they promise."""
    directory.mkdir(exist_ok=True)
    problems: list[Problem] = []
    for model, name in TYPES.items():
        path = directory / f"{name}.json"
        broken = _broken(model, path.read_text(encoding="utf-8")) if path.exists() else []
        problems += broken
        if not broken:
            path.write_text(text(model), encoding="utf-8")
    return problems


def check(directory: Path = DIRECTORY) -> list[Problem]:
    """Whether the committed schemas are those of the code, and compatible with the ones that this commit builds on."""
    problems = list(_stale(directory))
    for revision in _bases(directory):
        for name, committed in _committed(directory, revision):
            model = next((model for model, type_name in TYPES.items() if type_name == name), None)
            if model is None:
                problems.append(Problem(name, f"is in {revision} and no longer in the code"))
            else:
                problems += _broken(model, committed)
    return list(dict.fromkeys(problems))


def _broken(model: type, committed: str) -> list[Problem]:
    if committed == text(model):
        return []
    found = incompatibilities(json.loads(committed), generate(model), followed=model in FOLLOWED)
    return [Problem(TYPES[model], f"{each}: this needs a new version of the type") for each in found]


def _stale(directory: Path) -> Iterator[Problem]:
    for model, name in TYPES.items():
        path = directory / f"{name}.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text(model):
            yield Problem(name, "the committed schema is not the code's: run `make contracts`")


def _bases(directory: Path) -> list[str]:
    """The commit at hand, for what is not yet committed, and the one that it is to be landed on."""
    head = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD")
    if not head:
        return []
    upstream = _git(directory, "merge-base", "HEAD", "origin/HEAD")
    landed = (
        upstream if upstream and upstream != head else _git(directory, "rev-parse", "--verify", "--quiet", "HEAD^1")
    )
    return [head.strip(), *([landed.strip()] if landed else [])]


def _committed(directory: Path, revision: str) -> Iterator[tuple[str, str]]:
    # All at once: with a process of git for each file this took most of the time of a check.
    packed = _answer(directory, "archive", revision)
    if packed is None:
        return
    with tarfile.open(fileobj=io.BytesIO(packed)) as files:
        for each in files:
            if each.name.endswith(".json") and "/" not in each.name and (file := files.extractfile(each)):
                yield each.name.removesuffix(".json"), file.read().decode()


def _git(directory: Path, *arguments: str) -> str | None:
    answer = _answer(directory, *arguments)
    return None if answer is None else answer.decode()


def _answer(directory: Path, *arguments: str) -> bytes | None:
    """What git answers, or None: the code may be anywhere, and a clone may be shallow."""
    try:
        done = subprocess.run(["git", "-C", str(directory), *arguments], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
