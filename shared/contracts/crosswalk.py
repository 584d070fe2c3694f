"""A partner's own customer numbers: their one spelling, and the entry that says whose each is (decision 0031).

An entry is told once and never changed. Neither number nor identifier is in it: the key of the message is a keyed hash
of partner and number, the value is the person's user_id, both in hexadecimal characters.
"""

from __future__ import annotations

import hmac
import re

from shared.contracts.identifier_schemes import IdentifierError
from shared.contracts.identity import USER_ID_PATTERN, letters_and_digits
from shared.contracts.texts import TextError, one_form

NUMBER_CHARACTERS_MAX = 64
_TOLD_BY_MIN = 6
"""A number with fewer letters and digits would be found in other texts by chance."""
_USER_ID = re.compile(USER_ID_PATTERN.encode())


def own_number(raw: str) -> str:
    """The one form of a customer number (rules E16). Raises IdentifierError."""
    try:
        return one_form(raw, NUMBER_CHARACTERS_MAX)
    except TextError as error:
        raise IdentifierError(error.sentence) from None


def telling(number: str) -> tuple[bytes, ...]:
    """What of a customer number is looked for in texts that travel on (rules I3); nothing of a short one."""
    seen = letters_and_digits(number)
    return (seen,) if len(seen) >= _TOLD_BY_MIN else ()


def entry_key(key: bytes, partner: str, number: str) -> bytes:
    """The key of the entry of a normalized customer number of this partner, under the deployment's key."""
    return hmac.digest(key, f"crosswalk:{partner}:{number}".encode(), "sha256").hex().encode()


def is_entry(key: bytes | None, value: bytes | None) -> bool:
    """Whether a message is an entry, or the tombstone of one."""
    return bool(key and _USER_ID.fullmatch(key) and (value is None or _USER_ID.fullmatch(value)))
