"""The schemas of the TOML files: what is shipped fits, and what people get wrong is marked where it stands."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator

from goodstanding.partner.mapping_files import ingest_settings
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.published import schemas, scorecard_reference
from goodstanding.published.__main__ import check, files
from services.ingest.core.compiling import compile_partner
from services.ingest.core.mapping import MappingFaultsError
from services.ingest.loading import load_context
from shared.contracts.kinds import KINDS, Shape
from shared.settings import ROOT

SHIPPED = list(schemas.shipped())


@cache
def validator_of(name: str) -> Draft7Validator:
    return Draft7Validator(schemas.schema(name))


@cache
def _as_json(file: Path) -> str:
    return json.dumps(tomllib.loads(file.read_text("utf-8")), default=str)


def read(file: Path) -> Any:
    """A file as an editor sees it: a day is a text."""
    return json.loads(_as_json(file))


def faults(name: str, document: Any) -> list[str]:
    """Where the schema says that a document is wrong, as deep as it can tell."""
    return sorted({".".join(map(str, error.absolute_path)) for error in _leaves(validator_of(name), document)})


def _leaves(validator: Draft7Validator, document: Any) -> Iterator[Any]:
    for error in validator.iter_errors(document):
        yield from error.context or [error]
        yield error


def test_every_kind_of_file_is_shipped() -> None:
    assert {name for name, _ in SHIPPED} == set(schemas.TYPES) - {"kinds"}, "those are a deployment's own"
    known = {file for _, file in SHIPPED}
    toml = {file for folder in ("policies", "partners") for file in (ROOT / folder).glob("**/*.toml")}
    assert toml == known


@pytest.mark.parametrize("name", schemas.TYPES)
def test_a_schema_is_one_without_null_and_with_all_its_parts(name: str) -> None:
    made = schemas.schema(name)
    Draft7Validator.check_schema(made)
    text = schemas.text(name)
    assert '"null"' not in text
    assert "$defs" not in text
    for part in text.split('"#/definitions/')[1:]:
        assert part.partition('"')[0] in made["definitions"]


@pytest.mark.parametrize(("name", "file"), SHIPPED, ids=lambda each: each.name if isinstance(each, Path) else each)
def test_a_shipped_file_fits_and_says_where_its_schema_is(name: str, file: Path) -> None:
    assert faults(name, read(file)) == []
    first = file.read_text("utf-8").splitlines()[0]
    assert first == schemas.directive(file, name)
    assert (file.parent / first.removeprefix("#:schema ")).resolve() == schemas.DIRECTORY / f"{name}.json"


def changed(document: Any, path: str, value: Any) -> Any:
    """The document with something else at a path; with None, without it."""
    *parents, last = (int(part) if part.isdecimal() else part for part in path.split("/"))
    at = document
    for part in parents:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return document


def beginning(document: Any) -> Any:
    """Of a scorecard the first of each sort of part: a schema looks at each by itself, and at all of them for long."""
    if "rules" in document:
        for part in ("rules", "limits", "caps", "hints"):
            document[part] = document[part][:1]
        document["features"] = dict(list(document["features"].items())[:1])
    return document


CARD = ROOT / "policies" / "scorecard.toml"
BANK = ROOT / "partners" / "bank.toml"
TIERS = ROOT / "policies" / "benefits.toml"
CN = ROOT / "policies" / "retention" / "cn.toml"
OWN = ROOT / "tests" / "support" / "policies" / "kinds.toml"


def refused(name: str, document: Any) -> bool:
    """Whether the services refuse it too, as they read it."""
    try:
        found = msgspec.convert(document, schemas.TYPES[name])
        if name == "partner":
            compile_partner("bank", found, load_context(ingest_settings(FixedSettings.new())))
            return False
    except (msgspec.ValidationError, MappingFaultsError):
        return True
    return bool(list(found.faults()))


@cache
def refused_as_it_is(name: str, file: Path) -> bool:
    return refused(name, read(file))


@pytest.mark.parametrize(
    ("name", "file", "path", "value", "marked"),
    [
        ("scorecard", CARD, "cadence", "weekly", "cadence"),
        ("scorecard", CARD, "publication_day", "6", "publication_day"),
        ("scorecard", CARD, "publication_day", None, ""),
        ("scorecard", CARD, "publicaton_day", 6, ""),
        ("scorecard", CARD, "dimensions/identity", 90.5, "dimensions.identity"),
        ("scorecard", CARD, "kinds/bills", ["water.bil"], "kinds.bills.0"),
        ("scorecard", CARD, "features/new", {"is": "median", "kinds": ["bills"], "months": 6}, "features.new"),
        ("scorecard", CARD, "features/new", {"is": "count", "kinds": ["water.bil"], "months": 6}, "features.new"),
        ("scorecard", CARD, "features/new", {"is": "share", "kinds": ["shop.purchase"], "months": 6}, "features.new"),
        ("scorecard", CARD, "features/new", {"is": "count", "kinds": ["bills"], "months": 36}, "features.new"),
        ("scorecard", CARD, "features/new", {"is": "count", "kinds": ["bills"], "month": 6}, "features.new"),
        ("scorecard", CARD, "features/new", {"is": "fact", "kind": "sex"}, "features.new"),
        ("scorecard", CARD, "rules/0/direction", "up", "rules.0.direction"),
        ("scorecard", CARD, "rules/0/code", "Credit On Time", "rules.0.code"),
        ("scorecard", CARD, "rules/0/bins/0/at_lest", 3, "rules.0.bins.0"),
        ("scorecard", CARD, "rules/0/zh", None, "rules.0"),
        ("scorecard", CARD, "ceilings/criminal", 500, "ceilings"),
        ("scorecard", CARD, "name", "My policy", "name"),
        ("scorecard", CARD, "publication_day", 29, "publication_day"),
        ("scorecard", CARD, "months_min", 25, "months_min"),
        ("scorecard", CARD, "kinds/bills", ["court.listing"], "kinds.bills.0"),
        ("scorecard", CARD, "kinds/bills", [], "kinds.bills"),
        ("scorecard", CARD, "kinds/my-bills", ["water.bill"], "kinds"),
        ("scorecard", CARD, "rules/0/code", "x" * 65, "rules.0.code"),
        ("scorecard", CARD, "rules/0/bins", [], "rules.0.bins"),
        ("scorecard", CARD, "rules/0/bins/0/points", -601, "rules.0.bins.0.points"),
        ("scorecard", CARD, "rules/0/zh", "", "rules.0.zh"),
        ("scorecard", CARD, "rules/0/en", "e" * 301, "rules.0.en"),
        ("scorecard", CARD, "rules/0/evidence/full", 0, "rules.0.evidence"),
        ("scorecard", CARD, "limits/0/when", [], "limits.0.when"),
        ("scorecard", CARD, "limits/0/ceiling", 951, "limits.0.ceiling"),
        ("scorecard", CARD, "caps/0/points", -1, "caps.0.points"),
        ("scorecard", CARD, "records/legal/open", 10, "records.legal.open"),
        ("scorecard", CARD, "records/lowest", 10, "records.lowest"),
        ("scorecard", CARD, "records/halves", 0, "records"),
        ("scorecard", CARD, "ceilings/legal", 300, "ceilings.legal"),
        ("scorecard", CARD, "restrictions/legal", ["No Credit"], "restrictions.legal.0"),
        ("scorecard", CARD, "hints/0/months", 25, "hints.0"),
        ("scorecard", CARD, "hints/0/kinds", ["shop.purchased"], "hints.0"),
        ("benefits", TIERS, "hysteresis", 51, "hysteresis"),
        ("benefits", TIERS, "tiers", [], "tiers"),
        ("benefits", TIERS, "tiers/0/from", 951, "tiers.0.from"),
        ("benefits", TIERS, "tiers/0/code", "Good", "tiers.0.code"),
        ("benefits", TIERS, "tiers/0/name", "", "tiers.0.name"),
        ("benefits", TIERS, "tiers/0/grace_days", 367, "tiers.0.grace_days"),
        ("benefits", TIERS, "tiers/0/from", "600", "tiers.0.from"),
        ("benefits", TIERS, "tiers/0/benefit", [], "tiers.0"),
        ("retention", CN, "years/life", None, "years"),
        ("retention", CN, "years/tax", 3, "years"),
        ("retention", CN, "years/life", 51, "years.life"),
        ("retention", CN, "behavior_days_late_max", 0, "behavior_days_late_max"),
        ("retention", CN, "answer_months", 13, "answer_months"),
        ("kinds", OWN, "own_kinds/0/code", 129, "own_kinds.0.code"),
        ("kinds", OWN, "own_kinds/0/name", "gym", "own_kinds.0.name"),
        ("kinds", OWN, "own_kinds/0/shape", "fact", "own_kinds.0.shape"),
        ("partner", BANK, "format", "xml", ""),
        ("partner", BANK, "events/0/kinds", {"a": "credit_card.payed"}, "events.0.kinds.a"),
        ("partner", BANK, "events/0/amount", {"path": "a", "unit": "cents"}, "events.0.amount"),
        ("partner", BANK, "events/0/amount", {"path": "a", "unit": "minor", "currency": "RMB"}, "events.0.amount"),
        ("partner", BANK, "rights/kinds", ["water.bil"], "rights.kinds.0"),
        ("partner", BANK, "rights/records", ["criminal"], "rights.records.0"),
    ],
)
def test_what_people_get_wrong_is_marked_and_refused(name: str, file: Path, path: str, value: Any, marked: str) -> None:
    assert not refused_as_it_is(name, file)
    assert refused(name, changed(read(file), path, value)), "a schema marks nothing that the services take"
    found = faults(name, changed(beginning(read(file)), path, value))
    assert any(each == marked or each.startswith(f"{marked}.") for each in found) or (marked == "" and found), found


def test_all_kinds_can_be_completed_and_each_feature_and_field_is_explained() -> None:
    made = schemas.schema("scorecard")
    of_lists = made["properties"]["kinds"]["additionalProperties"]["items"]["enum"]
    assert of_lists == [kind.name for kind in KINDS if kind.shape not in (Shape.RECORD, Shape.CONTACT)]
    for cls in schemas.features():
        part = made["definitions"][cls.__name__]
        assert part["description"]
        for name, described in part["properties"].items():
            assert name == "is" or "description" in described or "$ref" in described, (cls, name)


def test_the_committed_files_are_the_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert check() == 0
    assert capsys.readouterr().err == ""


def test_a_stale_file_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(scorecard_reference, "text", lambda: "another page")
    assert check() == 1
    assert "scorecard.md: it is not what the code says: run `make contracts`" in capsys.readouterr().err


def test_the_reference_has_every_feature_and_every_key() -> None:
    page = scorecard_reference.text()
    for cls in schemas.features():
        assert f"### {scorecard_reference.tag(cls)}\n" in page
    for name in ("effective_on", "settled_ceilings", "steady_months", "late_from", "halves", "at_least", "percent"):
        assert f"| `{name}` |" in page
    assert scorecard_reference.FILE in files()


def test_days_are_days() -> None:
    assert isinstance(tomllib.loads(CARD.read_text("utf-8"))["effective_on"], date)
