"""How a person is named: one common scheme for all partners of a deployment, and its pseudonym.

The raw identifier goes no further than ingest; everything else knows the user_id. The schemes themselves stand in
`identifier_schemes`.
"""

from __future__ import annotations

import hmac
import re
import unicodedata

from shared.contracts.identifier_schemes import SCHEMES, IdentifierError, SchemeName, sample_account
from shared.contracts.texts import TextError, resolved

__all__ = [
    "KEY_BYTES_MIN",
    "USER_ID_PATTERN",
    "IdentifierError",
    "SchemeName",
    "letters_and_digits",
    "normalize",
    "sample_account",
    "telling_digits",
    "tells",
    "user_id",
]

KEY_BYTES_MIN = 32
"""HMAC-SHA-256 is as strong as its key only up to 32 bytes; a shorter one could be guessed from known accounts."""

USER_ID_PATTERN = "^[0-9a-f]{64}$"


def normalize(scheme: SchemeName, raw: str) -> str:
    """The one spelling of an identifier (rules I4): resolved as an id is, without blanks, in one case, its check digits
    verified.

    Raises IdentifierError, which is how a partner's private customer number is refused (rules I1); KeyError for a
    scheme that does not exist.
    """
    found = SCHEMES[scheme]
    if len(raw) > found.characters_max:
        raise IdentifierError(f"The identifier has more than {found.characters_max} characters.")
    try:
        return found.normalize(resolved(raw))
    except TextError as error:
        raise IdentifierError(error.sentence) from None


def telling_digits(scheme: SchemeName, normalized: str) -> tuple[bytes, ...]:
    """The digits and letters of an identifier that tell whose it is; each run alone is enough to know the person."""
    return tuple(letters_and_digits(part) for part in SCHEMES[scheme].telling(normalized))


def tells(text: str, digits: tuple[bytes, ...]) -> bool:
    """Whether a text has any of these runs in it (see `telling_digits`), in any spelling that `normalize` takes for the
    same, or in the digits of another script (rules I3 and I4)."""
    seen = letters_and_digits(text)
    for run in digits:  # noqa: SIM110  # a generator would cost more than all of the search
        # `find` is what `in` would do, in half the time.
        if seen.find(run) >= 0:
            return True
    return False


def letters_and_digits(text: str) -> bytes:
    """The letters and digits of a text and nothing else, so that no separator hides an identifier. Letters stay, so
    that the digits on both sides of a word are not read as one number."""
    if text.isascii():
        return text.encode().translate(_LOWER, _BESIDE_LETTERS_AND_DIGITS)
    # Folded before anything is left out: what a capital becomes depends on what stands beside it (Σ), and can be more
    # than letters (İ).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(map(_digit, filter(str.isalnum, folded))).encode()


def _digit(character: str) -> str:
    """A digit of any script, Chinese numerals included, as people read it; every other character as it is."""
    number = unicodedata.numeric(character, -1)
    return str(int(number)) if number in range(10) else character


_LOWER = bytes(range(128)).lower() + bytes(range(128, 256))
_BESIDE_LETTERS_AND_DIGITS = bytes(byte for byte in range(128) if not chr(byte).isalnum())


def is_user_id(text: str) -> bool:
    return re.fullmatch(USER_ID_PATTERN, text) is not None


def user_id(key: bytes, scheme: str, normalized: str) -> str:
    """64 lower-case hex characters: HMAC-SHA-256 of `<scheme>:<normalized>` under the deployment's key
    (rules I2)."""
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(f"The deployment key has {len(key)} bytes; it needs at least {KEY_BYTES_MIN}.")
    return hmac.digest(key, f"{scheme}:{normalized}".encode(), "sha256").hex()
