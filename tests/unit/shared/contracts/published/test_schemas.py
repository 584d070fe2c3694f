"""The committed schemas and examples, and what `write` and `check` refuse."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.contracts.messages import TYPES
from shared.contracts.published import examples, schemas
from shared.contracts.published.__main__ import main

NAMES = {name: model for model, name in TYPES.items()}
EXAMPLES = list(examples.examples())
SCORE = "goodstanding.score.changed.v1"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: f"{each.type}-{each.name}")
def test_example(example: examples.Example) -> None:
    fault = examples.verdict(example.type, example.body)
    assert ((str(fault.code), fault.field) if fault else (None, None)) == (example.code, example.field)
    assert not fault or fault.sentence.endswith(".")


@pytest.mark.parametrize("example", [each for each in EXAMPLES if each.code is None], ids=lambda each: each.name)
def test_what_we_take_fits_the_schema_that_we_publish(example: examples.Example) -> None:
    Draft202012Validator(schemas.generate(NAMES[example.type])).validate(example.body)


# What JSON Schema cannot say here: which kind has which field, what a calendar holds, which day comes first,
# how many words a text has, and whom it names.
BEYOND_SCHEMA = {
    *("field-required-by-kind", "field-forbidden-by-kind", "consent-missing", "dates-contradict"),
    *("time-format", "time-range", "unknown-value", "names-person", "too-many-words"),
}


@pytest.mark.parametrize(
    "example", [each for each in EXAMPLES if each.code and each.code not in BEYOND_SCHEMA], ids=lambda each: each.name
)
def test_what_we_refuse_does_not_fit_it(example: examples.Example) -> None:
    assert not Draft202012Validator(schemas.generate(NAMES[example.type])).is_valid(example.body)


@pytest.mark.parametrize("name", NAMES)
def test_schema_is_committed_and_valid(name: str) -> None:
    committed = json.loads((schemas.DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(committed)
    assert committed == schemas.generate(NAMES[name])


def test_the_committed_contracts_pass() -> None:
    assert main(["check"]) == 0


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the schemas as committed on `main`, and one more commit on top."""
    repository = tmp_path_factory.mktemp("committed")
    _git(repository, "init", "--quiet")
    assert schemas.write(repository / "schemas") == []
    _commit(repository)
    (repository / "README.md").write_text("another change")
    _commit(repository)
    return repository


@pytest.fixture
def directory(committed: Path, tmp_path: Path) -> Path:
    """The schemas in a repository of the test's own, as they are in `committed`."""
    return shutil.copytree(committed, tmp_path / "repository") / "schemas"


def _git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True)


def _commit(directory: Path) -> None:
    _git(directory, "add", ".")
    _git(directory, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "x")


def _edit(directory: Path, name: str, **fields: Any) -> None:
    """Change the committed schema, as if the code had said something else until now. GONE removes a field."""
    path = directory / f"{name}.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    for field, change in fields.items():
        if change is None:
            del schema["properties"][field]
        else:
            schema["properties"][field] = change
    path.write_text(json.dumps(schema), encoding="utf-8")


def test_schemas_that_are_the_codes_pass(directory: Path) -> None:
    assert schemas.check(directory) == []


def test_a_stale_schema_is_noticed_and_written(directory: Path) -> None:
    _edit(directory, SCORE, publication=None)  # the code has an optional field more: compatible
    assert [problem.type for problem in schemas.check(directory)] == [SCORE]
    assert schemas.write(directory) == []
    assert schemas.check(directory) == []


def test_a_missing_schema_is_noticed(directory: Path) -> None:
    (directory / f"{SCORE}.json").unlink()
    assert [problem.type for problem in schemas.check(directory)] == [SCORE]


def test_write_refuses_to_break_and_leaves_the_file(directory: Path) -> None:
    _edit(directory, SCORE, outlook={"type": "string"})  # the code has removed a field
    before = (directory / f"{SCORE}.json").read_text(encoding="utf-8")
    problems = schemas.write(directory)
    assert problems == [
        schemas.Problem(SCORE, "data.outlook: the field was removed: this needs a new version of the type")
    ]
    assert (directory / f"{SCORE}.json").read_text(encoding="utf-8") == before


EVENT = "goodstanding.behavior.normalized.v1"


@pytest.mark.parametrize(("name", "field", "broken"), [(SCORE, "score", True), (EVENT, "count", False)])
def test_what_others_follow_may_not_be_widened_either(directory: Path, name: str, field: str, broken: bool) -> None:
    narrower = schemas.generate(NAMES[name])["properties"][field] | {"minimum": 500}
    _edit(directory, name, **{field: narrower})  # the code takes, or sends, more than until now
    assert bool(schemas.write(directory)) is broken


def test_what_others_follow_is_open_to_new_fields() -> None:
    for name, model in NAMES.items():
        schema = schemas.generate(model)
        assert ("additionalProperties" in schema) is (model not in schemas.OPEN), name


def test_a_branch_is_compared_with_the_commit_that_it_left_main_at(directory: Path) -> None:
    current = (directory / f"{SCORE}.json").read_text(encoding="utf-8")
    _edit(directory, SCORE, outlook={"type": "string"})
    _commit(directory.parent)
    _git(directory, "update-ref", "refs/remotes/origin/main", "HEAD")
    _git(directory, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    (directory / f"{SCORE}.json").write_text(current, encoding="utf-8")
    for _ in range(3):  # the field was removed three commits ago
        (directory.parent / "README.md").write_text((directory.parent / "README.md").read_text() + "more")
        _commit(directory.parent)
    assert [problem.type for problem in schemas.check(directory)] == [SCORE]


def test_on_main_itself_the_parent_is_compared(directory: Path) -> None:
    current = (directory / f"{SCORE}.json").read_text(encoding="utf-8")
    _edit(directory, SCORE, outlook={"type": "string"})
    _commit(directory.parent)
    (directory / f"{SCORE}.json").write_text(current, encoding="utf-8")
    _commit(directory.parent)
    _git(directory, "update-ref", "refs/remotes/origin/main", "HEAD")
    _git(directory, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    assert [problem.type for problem in schemas.check(directory)] == [SCORE]


def test_a_commit_before_the_first_contract_promises_nothing(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "README.md").write_text("first")
    _commit(tmp_path)
    assert schemas.write(tmp_path / "schemas") == []
    assert schemas.check(tmp_path / "schemas") == []
    _commit(tmp_path)
    assert schemas.check(tmp_path / "schemas") == []


@pytest.mark.parametrize("commits_on_top", [0, 1])
def test_a_break_is_found_in_history_when_the_file_was_overwritten_by_hand(
    directory: Path, commits_on_top: int
) -> None:
    current = (directory / f"{SCORE}.json").read_text(encoding="utf-8")
    _edit(directory, SCORE, score={"type": "integer", "minimum": 300, "maximum": 950})
    _commit(directory.parent)
    (directory / f"{SCORE}.json").write_text(current, encoding="utf-8")
    if commits_on_top:
        _commit(directory.parent)
    assert [problem.sentence for problem in schemas.check(directory)] == [
        "data.score: `minimum` is narrower (300 to 350): this needs a new version of the type"
    ]


def test_a_type_that_is_no_longer_sent_is_found_in_history(directory: Path) -> None:
    (directory / "goodstanding.moon.changed.v1.json").write_text("{}")
    _commit(directory.parent)
    assert {problem.type for problem in schemas.check(directory)} == {"goodstanding.moon.changed.v1"}


def test_without_history_only_the_files_are_compared(tmp_path: Path) -> None:
    assert schemas.write(tmp_path / "schemas") == []
    assert schemas.check(tmp_path / "schemas") == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({f"{SCORE}/accepted/a.json": {}}, "example a: expected (None, None), but it gives ('missing-field',"),
        ({f"{SCORE}/refused/a.json": {"code": "x", "field": "y", "body": {}}}, "example a: expected ('x', 'y'),"),
        ({"goodstanding.moon.v1/accepted/a.json": {}}, "example a: there is no such type"),
        ({}, "has no accepted example"),
        ({}, "has no refused example"),
    ],
)
def test_examples_that_do_not_behave_are_named(tmp_path: Path, files: dict[str, Any], expected: str) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content))
    assert [problem for problem in examples.check(tmp_path) if problem.sentence.startswith(expected)]


def test_each_type_needs_an_example_of_both_sorts(tmp_path: Path) -> None:
    for path in examples.DIRECTORY.glob(f"{SCORE}/accepted/*.json"):
        copy = tmp_path / path.relative_to(examples.DIRECTORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    lacking = {(problem.type, problem.sentence) for problem in examples.check(tmp_path)}
    assert lacking == {(name, f"has no {sort} example") for name in NAMES for sort in ("accepted", "refused")} - {
        (SCORE, "has no accepted example")
    }
