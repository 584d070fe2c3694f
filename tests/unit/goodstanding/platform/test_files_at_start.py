"""What is said of files that a running service has not read as they are now."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.errors import UserError
from goodstanding.platform.files_at_start import bears_on, differences, make_continuous, names, with_fault, write_copy


@pytest.mark.parametrize(
    ("read", "now", "told"),
    [
        ({"partners/bank.toml": "aa"}, {"partners/bank.toml": "bb"}, "partners/bank.toml has been edited since ingest"),
        ({}, {"partners/bank.toml": "bb"}, "partners/bank.toml is new: ingest has not read it."),
        ({"partners/bank.toml": "aa"}, {}, "partners/bank.toml has been removed since ingest read it."),
    ],
)
def test_a_new_an_edited_and_a_removed_file_are_told_apart(
    read: dict[str, str], now: dict[str, str], told: str
) -> None:
    [(file, sentence)] = differences("ingest", read, now)
    assert file == "partners/bank.toml"
    assert sentence.startswith(told)
    remedy = "the one before it stays in force." if now else "goodstanding local down, then goodstanding local up."
    assert sentence.endswith(remedy)


def test_what_is_read_at_the_start_only_asks_for_one() -> None:
    [(_, sentence)] = differences("scorer", {"policies/scorecard.toml": "aa"}, {"policies/scorecard.toml": "bb"})
    assert sentence.endswith("goodstanding local down, then goodstanding local up.")


def test_a_fault_is_told_first_and_nobody_is_sent_to_start_services_with_it() -> None:
    edited = [sentence for _, sentence in differences("scorer", {}, {"policies/scorecard.toml": "bb"})]
    fault, told = with_fault(edited, "scorecard.toml:3: top: It is no number.")
    assert fault.startswith("scorecard.toml:3: top: It is no number. Services keep what they have read")
    assert told == "policies/scorecard.toml is new: scorer has not read it."
    remark = "partners/bank.toml:3: kind: It is wrong."
    assert with_fault([remark], "/here/partners/bank.toml:3: kind: It is wrong. Mend it.", "bank.toml:3:") == [
        remark
    ], "ingest has said so itself"


@pytest.mark.parametrize(
    ("service", "files"),
    [
        ("ingest", {"partners/bank.toml", "policies/rates.csv", "policies/retention/cn.toml", "policies/kinds.toml"}),
        ("retention", {"policies/retention/cn.toml", "policies/kinds.toml"}),
        ("scorer", {"policies/scorecard.toml", "policies/kinds.toml"}),
        ("benefits", {"policies/benefits.toml"}),
    ],
)
def test_every_file_that_a_service_reads_is_named_by_its_content(tmp_path: Path, service: str, files: set[str]) -> None:
    """Own kinds and the retention profile too: whoever edits one is told which service has not read it."""
    every = [
        "partners/bank.toml",
        "policies/rates.csv",
        "policies/retention/cn.toml",
        "policies/retention/us.toml",
        "policies/kinds.toml",
        "policies/scorecard.toml",
        "policies/benefits.toml",
    ]
    for file in every:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("a = 1")

    def named() -> dict[str, str]:
        return names(service, tmp_path / "policies", tmp_path / "partners", "cn")

    before = named()
    assert before.keys() == files
    for file in files:
        (tmp_path / file).write_text("a = 2")
        assert [edited for edited, _ in differences(service, before, named())] == [file]
        (tmp_path / file).write_text("a = 1")


def test_what_ingest_reads_again_by_itself_asks_for_no_restart() -> None:
    told = {
        file: sentence
        for file in ("partners/bank.toml", "policies/rates.csv", "policies/retention/cn.toml", "policies/kinds.toml")
        for _, sentence in differences("ingest", {file: "aa"}, {file: "bb"})
    }
    assert [file for file, sentence in told.items() if "It is read within seconds" in sentence] == [
        "partners/bank.toml",
        "policies/rates.csv",
    ]


@pytest.mark.parametrize(
    ("file", "does"),
    [("partners/bank.toml", True), ("partners/hotel.toml", False), ("policies/rates.csv", True)],
)
def test_another_partners_mapping_has_no_say(file: str, does: bool) -> None:
    assert bears_on(file, "bank") is does


def test_a_copy_has_the_named_scorecard_and_no_other(tmp_path: Path) -> None:
    policies, copy, card = tmp_path / "policies", tmp_path / "copy", tmp_path / "mine.toml"
    policies.mkdir()
    for name in ("scorecard.toml", "scorecard-2027.toml", "benefits.toml"):
        (policies / name).write_text(f'name = "{name}"')
    card.write_text('cadence = "monthly"\n')
    write_copy(policies, copy, card)
    assert {file.name for file in copy.iterdir()} == {"scorecard.toml", "benefits.toml"}
    assert (copy / "scorecard.toml").read_text() == card.read_text()
    make_continuous(copy)
    assert (copy / "scorecard.toml").read_text() == 'cadence = "continuous"\n'
    write_copy(policies, copy, None)
    assert {file.name for file in copy.iterdir()} == {file.name for file in policies.iterdir()}


def test_a_scorecard_without_a_cadence_cannot_be_made_continuous(tmp_path: Path) -> None:
    (tmp_path / "scorecard.toml").write_text("")
    with pytest.raises(UserError, match="has no line `cadence"):
        make_continuous(tmp_path)
