"""The small policy of the guide, docs/policies.md, and how it is given segments."""

from __future__ import annotations

import re

from shared.settings import ROOT

VILLAGE: str = re.findall(
    r"```toml village\.toml\n(.*?)```", (ROOT / "docs" / "policies.md").read_text("utf-8"), re.DOTALL
)[0]
RULES = "[[rules]]\ncode = "
SEGMENTS = '[[segments]]\ncode = "{code}"\nwhen = [{when}]\nen = "Some."\nzh = "些"\n\n'
OTHERS = '[[segments]]\ncode = "others"\nen = "Others."\nzh = "余"\n\n'


def segments(*whens: str) -> str:
    """The policy of the guide with segments, before that of the others."""
    named = (SEGMENTS.format(code=f"some-{chr(97 + index)}", when=when) for index, when in enumerate(whens))
    return VILLAGE.replace(RULES, "".join(named) + OTHERS + RULES, 1)
