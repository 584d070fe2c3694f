"""What a JSON Schema can say of a value besides its type: the bounds and closed lists that the rules of each file have.

A schema marks nothing that the services accept, and a test sees to that: what is said here, the `faults` of the types
say too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from services.benefits.core.table import GRACE_DAYS_MAX, HYSTERESIS_MAX, Benefit, Tier, TierTable
from services.ingest.core.mapping import Amount, Events, Rights
from services.scorer.core.catalogue import HINT_MONTHS_MAX, Begin, Keep, State, Tell, Use
from services.scorer.core.features.activity import DONE, Summed
from services.scorer.core.features.base import WEIGHT_MAX
from services.scorer.core.features.months import WINDOW_MONTHS_MAX
from services.scorer.core.features.punctuality import Worst
from services.scorer.core.features.stated import Fact, SteadyFigure
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
    Records,
    Rule,
    Small,
)
from shared.contracts.currencies import DIGITS
from shared.contracts.fields import TEXT_CHARACTERS_MAX
from shared.contracts.kinds import KINDS, Shape
from shared.contracts.own_kinds import FIRST_CODE, LAST_CODE, OwnKind
from shared.contracts.retention_profile import DAYS_MAX, MONTHS_MAX, YEARS_MAX, Early, FreeReports, Profile, Span, Years

Object: TypeAlias = dict[str, Any]
_FEATURES_READ = (Shape.OBLIGATION, Shape.ACTIVITY, Shape.FIGURE, Shape.FACT)


def kinds_of(*shapes: Shape) -> list[str]:
    return [kind.name for kind in KINDS if kind.shape in shapes]


def some_kinds(shapes: Iterable[Shape]) -> Object:
    """Kinds of these shapes, or names of `[kinds]`: such a name has no dot, and a kind has one."""
    return {"items": {"anyOf": [{"enum": kinds_of(*shapes)}, {"pattern": r"^[^.]+$"}]}, "minItems": 1}


def _between(least: int, most: int | None = None) -> Object:
    return {"minimum": least} | ({} if most is None else {"maximum": most})


_NAME = {"pattern": "^[a-z0-9-]{1,40}$"}
_CODE = {"pattern": "^[a-z]+(-[a-z]+)*$", "maxLength": TEXT_CHARACTERS_MAX}
_CODES: Object = {"items": _CODE}
_WORDS = sorted({value for kind in KINDS if kind.shape is Shape.FACT for value in kind.values})
_NAMES: Object = {"propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,39}$"}}
_SCORE, _DEDUCTED = _between(BASE, BASE + POINTS), _between(-POINTS, 0)
_SENTENCES: Mapping[str, Object] = {"en": {"minLength": 1, "maxLength": 300}, "zh": {"minLength": 1, "maxLength": 300}}
_ONE_OR_MORE: Object = {"minItems": 1}
_YEARS = dict.fromkeys(("legal", "financial", "life"), _between(1, YEARS_MAX))
_HINT_MONTHS = {"months": _between(1, HINT_MONTHS_MAX)}

BOUNDS: Mapping[type, Mapping[str, Object]] = {
    Scorecard: {
        "name": _NAME,
        "publication_day": _between(1, 28),
        "months_min": _between(0, WINDOW_MONTHS_MAX),
        "kinds": _NAMES | {"additionalProperties": {"items": {"enum": kinds_of(*_FEATURES_READ)}, "minItems": 1}},
        "least": {"additionalProperties": _between(1)},
        "features": _NAMES,
        "ceilings": {"additionalProperties": _SCORE},
        "settled_ceilings": {"additionalProperties": _SCORE},
        "restrictions": {"additionalProperties": _CODES},
    },
    Rule: {**_SENTENCES, "code": _CODE, "bins": _ONE_OR_MORE, "segments": _ONE_OR_MORE},
    Bin: {
        "points": _between(-POINTS, POINTS),
        "is": {"enum": _WORDS},
        "en": {"maxLength": 300},
        "zh": {"maxLength": 300},
    },
    Evidence: {"full": _between(1, 1000), "below": _between(1, 1000)},
    Condition: {"is": {"enum": _WORDS}},
    Cap: {**_SENTENCES, "points": _between(0), "rules": _ONE_OR_MORE},
    Limit: {**_SENTENCES, "ceiling": _SCORE, "when": _ONE_OR_MORE},
    Records: {**_SENTENCES, "lowest": _DEDUCTED, "halves": _between(1)},
    Cost: {"open": _DEDUCTED, "settled": _DEDUCTED},
    Small: {"below": _between(1), "percent": _between(0, 100)},
    Fact: {"kind": {"enum": kinds_of(Shape.FACT)}},
    SteadyFigure: {"steady_months": _between(1, WINDOW_MONTHS_MAX)},
    Worst: {"halves": _between(1)},
    Summed: {"kinds": some_kinds(DONE)},
    Keep: {**_SENTENCES, **_HINT_MONTHS, "kinds": some_kinds(Keep.shapes)},
    Begin: {**_SENTENCES, **_HINT_MONTHS, "kinds": some_kinds(Begin.shapes), "at_least": _between(0)},
    Tell: {**_SENTENCES, **_HINT_MONTHS, "kinds": some_kinds(Tell.shapes), "at_least": _between(0)},
    Use: {**_SENTENCES, **_HINT_MONTHS, "below": _between(1, 1000), "at_least": _between(0, 999)},
    State: {**_SENTENCES, "kind": {"enum": kinds_of(Shape.FACT)}, "value": {"enum": _WORDS}},
    TierTable: {
        "name": _NAME,
        "hysteresis": _between(0, HYSTERESIS_MAX),
        "tiers": _ONE_OR_MORE,
    },
    Tier: {"code": _CODE, "name": {"minLength": 1}, "from": _SCORE, "grace_days": _between(0, GRACE_DAYS_MAX)},
    Benefit: {"code": _CODE, "name": {"minLength": 1}},
    Profile: {
        "name": _NAME,
        "answer_days": _between(0, DAYS_MAX),
        "answer_months": _between(0, MONTHS_MAX),
        "behavior_days_late_max": _between(1, DAYS_MAX),
    },
    Years: _YEARS,
    Span: {"months": _between(0, MONTHS_MAX), "days": _between(0, DAYS_MAX)},
    Early: {"months": _between(1, 12 * YEARS_MAX), "paid_within_days": _between(0, DAYS_MAX)},
    FreeReports: {"a_year": _between(1, DAYS_MAX)},
    OwnKind: {
        "code": _between(FIRST_CODE, LAST_CODE),
        "name": {"pattern": r"^[a-z][a-z_]*\.[a-z][a-z_]*$"},
    },
    Events: {"kinds": {"additionalProperties": {"enum": kinds_of(*Shape)}}},
    Rights: {"kinds": {"items": {"enum": kinds_of(*Shape)}}},
    Amount: {"currency": {"enum": sorted(DIGITS)}},
}
"""By type and key: what is added to what the type says."""
OF_FEATURES: Mapping[str, Object] = {
    "months": _between(1, WINDOW_MONTHS_MAX),
    "late_from": _between(1),
    "weights": {"additionalProperties": _between(0, WEIGHT_MAX)},
}
"""The same of keys that several features have."""
