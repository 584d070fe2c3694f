"""The shipped policies with another cadence."""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.settings import ROOT


def with_cadence(place: Path, cadence: str) -> Path:
    """A copy of the policies in a directory of its own in `place`, all as shipped but for the cadence."""
    directory = place / cadence
    shutil.copytree(ROOT / "policies", directory, dirs_exist_ok=True)
    card = directory / "scorecard.toml"
    card.write_text(card.read_text().replace('cadence = "monthly"', f'cadence = "{cadence}"'))
    return directory
