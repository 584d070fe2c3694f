"""What is one for the whole deployment and bears on how an event is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from services.ingest.core.money import Rates
from shared.contracts import identity

AHEAD_MAX = timedelta(minutes=5)
"""How far an event's time may be ahead of its arrival: clocks of partners differ."""
_CACHED_PEOPLE = 65_536


class Person(NamedTuple):
    """`digits` are those of the identifier that tell whose it is, and must go no further than ingest."""

    user_id: str
    digits: bytes


@dataclass(frozen=True, slots=True)
class Deployment:
    """`zone` is where months and days are counted; `behavior_days_late_max` is the retention profile's limit."""

    zone: tzinfo
    rates: Rates
    behavior_days_late_max: int
    person_of: Callable[[str], Person]
    """The person of a raw identifier; raises identity.IdentifierError."""


def pseudonyms(key: bytes, scheme: str) -> Callable[[str], Person]:
    """The function from a raw identifier to the person, with a bounded memory of who came lately."""

    @lru_cache(maxsize=_CACHED_PEOPLE)
    def person_of(raw: str) -> Person:
        identifier = identity.normalize(scheme, raw)
        return Person(identity.user_id(key, scheme, identifier), identity.telling_digits(scheme, identifier))

    return person_of
