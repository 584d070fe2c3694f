"""The shipped policies for tests that are about deadlines, disputes and erasures, none of which a notice moves."""

from __future__ import annotations

import shutil
from pathlib import Path

from shared.settings import ROOT


def without_notice(directory: Path) -> Path:
    """A copy in the directory, by whose profile `cn` a record counts as soon as it is reported."""
    policies = directory / "policies-without-notice"
    shutil.copytree(ROOT / "policies", policies)
    profile = policies / "retention" / "cn.toml"
    text = profile.read_text(encoding="utf-8")
    for each in ("financial = 7", "life = 7"):
        assert each in text
        text = text.replace(each, each.replace("7", "0"))
    profile.write_text(text, encoding="utf-8")
    return policies
