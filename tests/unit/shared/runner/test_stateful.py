"""The picture of a shard's life in docs/runner.md and the states in the code are one."""

from __future__ import annotations

import re

from shared.runner.stateful import FOLLOWS
from shared.settings import ROOT

_ARROW = re.compile(r"^ +(\w+) --> (\w+) : ", re.MULTILINE)


def test_the_picture_has_the_arrows_of_the_code() -> None:
    page = (ROOT / "docs" / "runner.md").read_text()
    drawn = {(before, after) for before, after in _ARROW.findall(page)}
    assert drawn == {(before.__name__, after.__name__) for before, afters in FOLLOWS.items() for after in afters}


def test_every_state_can_be_left_and_reached() -> None:
    assert all(FOLLOWS.values())
    assert set(FOLLOWS) == {after for afters in FOLLOWS.values() for after in afters}
