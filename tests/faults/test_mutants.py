"""The checker and the scenarios are worth something: without each guarantee of the runner they find its breakage."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.errors import UserError
from tests.faults.mutants import MUTANTS
from tests.faults.scenarios import CAUGHT_BY, Scenario, play, telling

pytestmark = pytest.mark.campaign


def test_every_mutant_has_its_scenario() -> None:
    assert {mutant for mutant, _, _ in CAUGHT_BY} == set(MUTANTS)


@pytest.mark.parametrize(("mutant", "scenario", "sentence"), CAUGHT_BY, ids=[mutant for mutant, _, _ in CAUGHT_BY])
async def test_a_mutant_is_caught(tmp_path: Path, mutant: str, scenario: Scenario, sentence: str) -> None:
    async with telling(tmp_path / "deployment", mutant) as story:
        try:
            violations = await play(story, scenario)
        except UserError as not_ready:
            # Some breakage the next owner notices itself, and publishes nothing on top of it.
            violations = [str(not_ready)]
    assert any(sentence in violation for violation in violations), violations
