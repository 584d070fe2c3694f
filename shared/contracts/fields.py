"""The fields of messages, each with its bounds: what bodies are made of. Every bound has its reason beside it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import BeforeValidator, ConfigDict, WithJsonSchema
from pydantic import Field as Bound

from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.kinds import KINDS, Shape
from shared.contracts.texts import CONTROL
from shared.contracts.times import YEAR_MAX, YEAR_MIN, day, in_utc, instant, within_years

ID_CHARACTERS_MAX = 128
"""An id is kept, hashed, in headers and in records of refusals; 128 is room for two UUIDs and a prefix."""
TEXT_CHARACTERS_MAX = 64
"""Names of kinds, values and purposes are words of ours, not prose."""
FIELD_CHARACTERS_MAX = 256
"""The path of a field in a refusal can hold names that the sender chose."""
SENTENCE_CHARACTERS_MAX = 500
"""What a refusal says to people."""
SCORE_MIN, SCORE_MAX = 350, 950
BENEFITS_MAX = 64
"""Benefits of all tiers together; the shipped table has 12."""
AMOUNT_MAX = 10**15
"""Minor units: ten trillion yuan. Nine thousand of the largest still fit into a bigint."""
COUNT_MAX = 10**6
"""What one event may sum up, so that no single event outweighs what thousands of others say."""
DAYS_LATE_MAX = 36_525
"""A hundred years: more is a slip of the pen. What still counts as behavior is the retention profile's limit."""


def _read_instant(value: Any) -> Any:
    if isinstance(value, str):
        return instant(value)
    return in_utc(value) if isinstance(value, datetime) else value


def _read_day(value: Any) -> Any:
    if type(value) is date:
        within_years(value)
        return value
    return day(value) if isinstance(value, str) else value


# Any text: no control characters (NUL cannot be stored by Postgres, the others only hide in logs).
PRINTABLE = f"^[^{CONTROL.pattern[1:-1]}]+$"

Id = Annotated[str, Bound(min_length=1, max_length=ID_CHARACTERS_MAX, pattern=PRINTABLE)]
Text = Annotated[str, Bound(min_length=1, max_length=TEXT_CHARACTERS_MAX, pattern=PRINTABLE)]
UserId = Annotated[str, Bound(pattern=USER_ID_PATTERN)]
Amount = Annotated[int, Ge(0), Le(AMOUNT_MAX)]
Instant = Annotated[datetime, BeforeValidator(_read_instant)]
Day = Annotated[date, BeforeValidator(_read_day)]
MonthNumber = Annotated[int, Ge(YEAR_MIN * 12), Le(YEAR_MAX * 12 + 11)]


def _kind_schema(names: list[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": names})


# The closed lists are in the schema, for partners; `checks.check_event` compares, with a sentence of its own.
BehaviorKind = Annotated[
    str,
    Bound(max_length=TEXT_CHARACTERS_MAX),
    _kind_schema([kind.name for kind in KINDS if kind.shape is not Shape.RECORD]),
]
RecordKind = Annotated[
    str,
    Bound(max_length=TEXT_CHARACTERS_MAX),
    _kind_schema([kind.name for kind in KINDS if kind.shape is Shape.RECORD]),
]

# Not with `defer_build`, although making all bodies readable takes 20 ms of a start: made at the first one, the schema
# of a report depends on what was read before it.
STRICT = ConfigDict(strict=True, extra="forbid")
"""What every body is: read without conversions, and with no field that it does not have."""
