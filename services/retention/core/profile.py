"""A retention profile (`policies/retention/<name>.toml`; rules D1 and E10): its types, and what can be wrong with one.

Which kinds end at once and which on settlement is no profile's choice; that is in shared.contracts.kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from zoneinfo import ZoneInfo

import msgspec

from shared.contracts import zones
from shared.contracts.kinds import RecordClass

YEARS_MAX = 50
"""More is a slip of the pen: nobody is to be held to half a century. Far from what a date can hold."""
DAYS_MAX = 366
_NAME = re.compile(r"[a-z0-9-]{1,40}")


class Years(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calendar years after the day the behavior ended, by class."""

    legal: int
    financial: int
    life: int

    def of(self, record_class: RecordClass) -> int:
        match record_class:
            case RecordClass.LEGAL:
                return self.legal
            case RecordClass.FINANCIAL:
                return self.financial
            case RecordClass.LIFE:
                return self.life


class Profile(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """Valid only if `faults` finds none in it."""

    name: str
    zone: str
    """A deadline is the end of its last day in this IANA zone."""
    answer_days: int
    """How long a provider has to answer a dispute."""
    behavior_days_late_max: int
    """What is later than this is a negative record and no behavior; ingest holds to it."""
    years: Years

    @cached_property
    def zone_info(self) -> ZoneInfo:
        return zones.zone(self.zone)


def faults(profile: Profile) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong: the key, and a sentence that says what to do."""
    if not _NAME.fullmatch(profile.name):
        yield ("name",), "A name has 1 to 40 lower-case letters, digits and hyphens."
    try:
        zones.zone(profile.zone)
    except zones.ZoneError as error:
        yield ("zone",), str(error)
    for record_class in RecordClass:
        if not 1 <= profile.years.of(record_class) <= YEARS_MAX:
            yield ("years", record_class), f"Write a whole number of years from 1 to {YEARS_MAX}."
    for key in ("answer_days", "behavior_days_late_max"):
        if not 1 <= getattr(profile, key) <= DAYS_MAX:
            yield (key,), f"Write a whole number of days from 1 to {DAYS_MAX}."
