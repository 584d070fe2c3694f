"""The reference of the scorecard's format, `docs/scorecard.md`: every table, key and feature, as the code has them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec

from goodstanding.published import docstrings
from goodstanding.published.key_tables import KeyTables
from goodstanding.published.schemas import features
from services.scorer.core.catalogue import AnyHint, Hint
from services.scorer.core.features.activity import Summed
from services.scorer.core.features.base import Feature, Windowed
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import (
    BASE,
    POINTS,
    Bin,
    Cap,
    Condition,
    Cost,
    Evidence,
    Limit,
    Named,
    Records,
    Rule,
    Segment,
    Small,
)
from shared.settings import ROOT

FILE = ROOT / "docs" / "scorecard.md"
_HEAD = f"""<!-- written by make contracts -->

# The format of a scorecard

This page is made from the code: every table, key and feature that a scorecard (`policies/scorecard*.toml`) can have.
[Write and ship a policy](policies.md) is the guide, and [the rules](rules.md#s-the-score) say what must hold.

A score is {BASE} and at most {POINTS} points, which the dimensions share. A *feature* measures one thing in what is
known of a person; a *rule* turns its value into points. All numbers are integers, and money is in minor units of the
deployment's currency. A window is so many complete calendar months; a *kind-month* is a month with at least one event
of a kind, so that sixty fares in a month are one. What a feature cannot measure is *unknown*, and each rule says what
that gives.
"""
_TABLES: tuple[tuple[str, type, str], ...] = (
    ("At the top", Scorecard, ""),
    ("Names of dimensions", Named, "one of `[dimension_names]`"),
    ("Segments", Segment, "`[[segments]]`"),
    ("Conditions", Condition, "`when` of a segment or a limit"),
    ("Rules", Rule, "`[[rules]]`"),
    ("Bins", Bin, "`bins` of a rule"),
    ("Evidence", Evidence, "`evidence` of a rule"),
    ("Caps", Cap, "`[[caps]]`"),
    ("Limits", Limit, "`[[limits]]`"),
    ("Records", Records, "`[records]`"),
    ("Costs of records", Cost, "`legal`, `financial` and `life` of `[records]`"),
    ("Small records", Small, "`small` of `[records]`"),
)

_KEYS = KeyTables(
    {
        **{cls: title for title, cls, _ in _TABLES},
        **dict.fromkeys(features(), "Features"),
        **dict.fromkeys(get_args(AnyHint), "Hints"),
        Summed: "A side of a ratio",
    }
)


def files() -> dict[Path, str]:
    """What the page should hold."""
    return {FILE: text()}


def text() -> str:
    parts = [_HEAD, *(_table(title, cls, where) for title, cls, where in _TABLES), _hints(), _features()]
    return "\n".join(parts)


def _table(title: str, cls: type, where: str) -> str:
    told = [f"## {title}", "", *([f"{where}. {docstrings.of_class(cls)}", ""] if where else []), _KEYS.of(cls)]
    return "\n".join(told)


def _hints() -> str:
    told = ["## Hints", "", "`[[hints]]`. What is done is in `does`, together with the keys of that behavior.", ""]
    for cls in get_args(AnyHint):
        told += [f"### {tag(cls)}", "", docstrings.of_class(cls), "", _KEYS.of(cls)]
    return "\n".join(told)


def _features() -> str:
    told = [
        "## Features",
        "",
        "`[features]` has a line for each: its name, `is`, and the keys of that feature. Rules and the conditions of",
        "segments, caps and limits read features by their names.",
        "",
        *(_feature(cls) for cls in features()),
        "### A side of a ratio",
        "",
        f"`over` and `under`. {docstrings.of_class(Summed)}",
        "",
        _KEYS.of(Summed),
    ]
    return "\n".join(told)


def _feature(cls: type[Feature]) -> str:
    about = [f"Value: {cls.unit}", f"observations: {cls.observed}"]
    if cls.lowest is not None:
        about.append(f"the first bin begins at {cls.lowest}")
    if issubclass(cls, Windowed):
        about.append(f"kinds of the shape {' or '.join(cls.shapes)}")
    if cls.on_contacts:
        about.append("not in conditions, and not shown to anybody")
    told = [f"### {tag(cls)}", "", docstrings.of_class(cls), "", f"{'; '.join(about)}.", ""]
    return "\n".join([*told, _KEYS.of(cls)] if msgspec.structs.fields(cls) else told)


def tag(cls: type[Feature | Hint]) -> str:
    """What a file calls the feature, or the behavior of a hint."""
    return str(cls.__struct_config__.tag)
