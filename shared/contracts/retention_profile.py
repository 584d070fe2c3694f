"""A retention profile (`policies/retention/<profile>.toml`; rules D1 and E10): its types, and what can be wrong in it.

Two services read it: retention for deadlines, ingest for where behavior ends. Which kinds end at once and which on
settlement is no profile's choice; that is in `kinds`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from zoneinfo import ZoneInfo

import msgspec

from shared.contracts import zones
from shared.contracts.kinds import RecordClass
from shared.contracts.policy_parts import ByClass, PolicyFault, faults_of_name

YEARS_MAX = 50
"""More is a slip of the pen: nobody is to be held to half a century. Far from what a date can hold."""
DAYS_MAX = 366


class Years(ByClass, frozen=True):
    """Calendar years after the day the behavior ended, by class."""


class Profile(msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """Valid only if it has no faults."""

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

    def faults(self) -> Iterator[PolicyFault]:
        """What the types cannot say."""
        yield from faults_of_name(self.name)
        try:
            zones.zone(self.zone)
        except zones.ZoneError as error:
            yield PolicyFault(("zone",), str(error))
        for record_class in RecordClass:
            if not 1 <= self.years.of(record_class) <= YEARS_MAX:
                sentence = f"Write a whole number of years from 1 to {YEARS_MAX}."
                yield PolicyFault(("years", record_class.value), sentence)
        for key in ("answer_days", "behavior_days_late_max"):
            if not 1 <= getattr(self, key) <= DAYS_MAX:
                yield PolicyFault((key,), f"Write a whole number of days from 1 to {DAYS_MAX}.")
