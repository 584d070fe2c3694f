"""The tests are a second house: a mirror of the code, so that who has found a module has found its tests."""

from __future__ import annotations

import re
from pathlib import Path

_IMPORTED = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)
_SET_ASIDE = re.compile(r"#\s*(?:noqa: [A-Z0-9, ]+|type: ignore\[[^]]*\])\s*$")
ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
MIRRORED = ("deploy", "goodstanding", "services", "shared")
_TOGETHER = {
    # What a record tells of a person is seen in the decision.
    "services/benefits/core/test_decide.py": "messages",
    # What a standing becomes, by which table, and what is said again, is seen in stories of falls and new tables.
    "services/benefits/core/test_grace.py": "policy restating standing",
    # One table of mappings, good inputs and bad inputs goes through all that makes a partner's reader.
    "services/ingest/core/test_mapping.py": "blocks compiling context partner paths trying",
    "services/ingest/core/test_formats.py": "money native",
    "services/ingest/core/test_options.py": "judged members notation patterns tables unsaid values words",
    "services/ingest/core/test_bad_input.py": "fields tree",
    "services/ingest/core/test_readers.py": "number_readers time_readers",
    "services/ingest/core/test_plausibility.py": "time_fields",
    # A record's stories run through the decision, its steps and its bounds.
    "services/retention/core/test_record.py": "bounds decide fingerprint messages reports settlements",
    "services/retention/core/test_disputes.py": "answers effects timers",
    # What is compiled and what is held against a person is seen in the score, what a file may not say in the scorecard.
    "services/scorer/core/test_score.py": "compiled held",
    "services/scorer/core/test_scorecard.py": "faults part_faults scorecard_parts",
    # When a score is published, and what is kept of a person, is seen in the decision.
    "services/scorer/core/test_decide.py": "person publishing",
    # What is folded and what is forgotten is seen in the state.
    "services/scorer/core/test_state.py": "folding forgetting ids messages records vectors",
}
ELSEWHERE = {
    str(Path(tests).with_name(f"{module}.py")): tests
    for tests, modules in _TOGETHER.items()
    for module in modules.split()
}
"""Modules of the cores that are tested together with others, and where."""


def modules_of_the_cores() -> list[str]:
    found = sorted(ROOT.glob("services/*/core/*.py"))
    return [str(path.relative_to(ROOT)) for path in found if path.name != "__init__.py"]


def of_its_own(module: str) -> str:
    path = Path(module)
    return str(path.with_name(f"test_{path.name}"))


def test_a_module_of_a_core_has_its_tests_at_the_same_place() -> None:
    modules = modules_of_the_cores()
    assert modules
    tests = {module: TESTS / "unit" / ELSEWHERE.get(module, of_its_own(module)) for module in modules}
    assert [module for module, file in tests.items() if not file.exists()] == []


def test_what_is_tested_elsewhere_exists_and_has_no_tests_of_its_own() -> None:
    assert ELSEWHERE.keys() <= set(modules_of_the_cores())
    assert [module for module in ELSEWHERE if (TESTS / "unit" / of_its_own(module)).exists()] == []


def test_each_folder_of_unit_tests_is_one_of_the_code() -> None:
    folders = {path.parent.relative_to(TESTS / "unit") for path in TESTS.glob("unit/**/test_*.py")}
    mirrors = {folder for folder in folders if folder.parts[:1] and folder.parts[0] in MIRRORED}
    assert {str(folder) for folder in mirrors if not (ROOT / folder).is_dir()} == set()


def test_what_tests_share_is_no_test() -> None:
    """A file of tests is imported by nobody, and one that is imported has no tests: those are in `tests/support`."""
    imported = {
        (str(path.relative_to(ROOT)), module)
        for path in TESTS.rglob("*.py")
        for module in _IMPORTED.findall(path.read_text(encoding="utf-8"))
        if any(part.startswith("test_") for part in module.split("."))
    }
    assert imported == set()


def test_where_a_rule_of_the_tools_is_set_aside_the_line_says_why() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in (*MIRRORED, "bench", "clients", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _SET_ASIDE.search(line)
    ]
    assert silent == []


def test_people_are_spoken_to_in_one_form() -> None:
    """In Chinese that is 您, whichever part of the platform says it."""
    plain = [
        str(path.relative_to(ROOT))
        for folder in (*MIRRORED, "docs", "partners", "policies")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".json", ".md", ".py", ".sql", ".toml"} and "你" in path.read_text(encoding="utf-8")
    ]
    assert plain == []
