"""What the whole deployment has in common and what decides how an event is read: zone, rates, limits, pseudonyms."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import NamedTuple

from services.ingest.core.money import Rates
from shared.contracts import crosswalk, identity

_CACHED_PEOPLE = 65_536


class UnknownCustomerError(LookupError):
    """No crosswalk says whose a customer number is."""


class Subject(NamedTuple):
    """`digits` are the digits and letters of the identifier that tell whose it is; they go no further than ingest."""

    user_id: str
    digits: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReadingContext:
    """`zone` is where months and days are counted; `behavior_days_late_max` is the retention profile's limit."""

    zone: tzinfo
    rates: Rates
    behavior_days_late_max: int
    person_of: Callable[[str], Subject]
    """The person of a raw identifier; raises identity.IdentifierError."""
    customers_of: Callable[[str], Callable[[str], Subject]]
    """By partner, the person of one of its own customer numbers; raises identity.IdentifierError for what is no number,
    and UnknownCustomerError."""
    digest_of: Callable[[str], str]
    """What stands for a text that must go no further: the same for the same text, and readable for nobody."""
    crosswalk: bool = False
    """Whether `person_of` is asked for customer numbers."""


def digests(key: bytes) -> Callable[[str], str]:
    """The function from a text to 32 hexadecimal digits, under the deployment's key."""
    own = hmac.digest(key, b"goodstanding/event-digest", "sha256")
    return lambda text: hmac.digest(own, text.encode(), "sha256").hex()[:32]


def pseudonyms(key: bytes, scheme: identity.SchemeName) -> Callable[[str], Subject]:
    """The function from a raw identifier to the person, which remembers a bounded number of recent people."""

    @lru_cache(maxsize=_CACHED_PEOPLE)
    def person_of(raw: str) -> Subject:
        identifier = identity.normalize(scheme, raw)
        return Subject(identity.user_id(key, scheme, identifier), identity.telling_digits(scheme, identifier))

    return person_of


def assumed_customers(key: bytes) -> Callable[[str], Callable[[str], Subject]]:
    """For whoever has no crosswalk at hand: each customer number is taken for a person of its own."""

    def customers_of(partner: str) -> Callable[[str], Subject]:
        def person_of(raw: str) -> Subject:
            number = crosswalk.own_number(raw)
            return Subject(crosswalk.entry_key(key, partner, number).decode(), crosswalk.telling(number))

        return person_of

    return customers_of
