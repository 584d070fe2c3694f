"""A deployment's own kinds stay for good: what is stored has their codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.cli import platform
from goodstanding.errors import UserError
from goodstanding.platform.fixed_settings import STATEFUL
from goodstanding.platform.kept_kinds import KEPT, keep
from shared.policy_file import OWN_KINDS
from tests.support.command_line import ask

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


def test_on_compose_the_job_of_the_secrets_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "policies_here", lambda: tmp_path / "policies")
    readers = (
        "operator",
        "authority",
        "administrator",
        "kafka",
        "postgres",
        "monitor",
        "subscriber",
        "ingest",
        *STATEFUL,
    )
    for directory in ("policies", *(f"secrets/{name}" for name in readers)):
        (tmp_path / directory).mkdir(parents=True)
    file = tmp_path / "policies" / OWN_KINDS
    file.write_text(GYM)
    assert ask("secrets", str(tmp_path / "secrets")).exit_code == 0
    assert ask("secrets", str(tmp_path / "secrets")).exit_code == 0
    file.write_text(GYM.replace("gym.fee", "pool.fee"))
    found = ask("secrets", str(tmp_path / "secrets"))
    assert (found.exit_code, "gym.fee with code 130 means something else" in found.stderr) == (1, True), found.stderr
    file.unlink()
    assert "no longer in" in ask("secrets", str(tmp_path / "secrets")).stderr
