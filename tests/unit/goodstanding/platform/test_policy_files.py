"""What is said of files that a running service has not read as they are now."""

from __future__ import annotations

import pytest

from goodstanding.platform.policy_files import bears_on, differences


@pytest.mark.parametrize(
    ("read", "now", "told"),
    [
        ({"partners/bank.toml": "aa"}, {"partners/bank.toml": "bb"}, "partners/bank.toml has been edited since ingest"),
        ({}, {"partners/bank.toml": "bb"}, "partners/bank.toml is new: it was not there when ingest started."),
        ({"partners/bank.toml": "aa"}, {}, "partners/bank.toml has been removed since ingest read it."),
    ],
)
def test_a_new_an_edited_and_a_removed_file_are_told_apart(
    read: dict[str, str], now: dict[str, str], told: str
) -> None:
    [(file, sentence)] = differences("ingest", read, now)
    assert file == "partners/bank.toml"
    assert sentence.startswith(told)
    assert sentence.endswith("goodstanding local down, then goodstanding local up.")


@pytest.mark.parametrize(
    ("file", "does"),
    [("partners/bank.toml", True), ("partners/hotel.toml", False), ("policies/rates.csv", True)],
)
def test_another_partners_mapping_has_no_say(file: str, does: bool) -> None:
    assert bears_on(file, "bank") is does
