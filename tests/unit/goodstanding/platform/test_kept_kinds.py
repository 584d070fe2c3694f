"""A deployment's own kinds stay for good: what is stored has their codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.errors import UserError
from goodstanding.platform.kept_kinds import KEPT, keep
from shared.policy_file import OWN_KINDS

GYM = '[[own_kinds]]\ncode = 130\nname = "gym.fee"\nshape = "obligation"\ntitle = "Fee of a gym"\n'
POOL = '[[own_kinds]]\ncode = 131\nname = "pool.fee"\nshape = "obligation"\ntitle = "Fee of a pool"\n'


def _keep(directory: Path, text: str | None) -> None:
    file = directory / OWN_KINDS
    file.unlink(missing_ok=True)
    if text is not None:
        file.write_text(text)
    keep(directory, directory)


def test_kinds_may_be_added_and_called_otherwise(tmp_path: Path) -> None:
    _keep(tmp_path, None)
    assert not (tmp_path / KEPT).exists()
    _keep(tmp_path, GYM)
    _keep(tmp_path, GYM)
    _keep(tmp_path, GYM + POOL)
    _keep(tmp_path, GYM.replace("Fee of a gym", "What a gym takes") + POOL)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (GYM, "pool.fee with code 131 is no longer in"),
        (None, "gym.fee with code 130 is no longer in"),
        (GYM + POOL.replace("pool.fee", "sauna.fee"), "pool.fee with code 131 means something else"),
        (GYM + POOL.replace("obligation", "activity"), "pool.fee with code 131 means something else"),
    ],
    ids=["the last one", "the file", "the name", "the shape"],
)
def test_a_kind_that_was_used_stays_as_it_is(tmp_path: Path, text: str | None, sentence: str) -> None:
    _keep(tmp_path, GYM + POOL)
    with pytest.raises(UserError, match=sentence):
        _keep(tmp_path, text)
    _keep(tmp_path, GYM + POOL)
