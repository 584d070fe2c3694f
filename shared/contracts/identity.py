"""How a person is named: one common scheme for all partners of a deployment, and its pseudonym.

The raw identifier goes no further than ingest; everything else knows the user_id.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from datetime import date

from shared.contracts.texts import TextError, resolved

SCHEMES = ("account", "cn-resident-id")
KEY_BYTES_MIN = 32
"""HMAC-SHA-256 is as strong as its key only up to 32 bytes; a shorter one could be guessed from known accounts."""

USER_ID_PATTERN = "^[0-9a-f]{64}$"

# The longest identifier has 18 characters. The rest is for blanks and hyphens; whatever is longer is not looked at.
_RAW_CHARACTERS_MAX = 64
_SEPARATORS = re.compile("[ -]+")
_ACCOUNT = re.compile(r"GS([0-9]{10})([0-9]{2})")
_RESIDENT_ID = re.compile(r"[1-9][0-9]{5}([0-9]{8})[0-9]{3}[0-9X]")


class IdentifierError(ValueError):
    """The identifier does not fit the scheme. `sentence` says how it should look and never repeats it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def normalize(scheme: str, raw: str) -> str:
    """The one spelling of an identifier (rules I4): resolved as an id is, no blanks or hyphens, upper case, checksum
    verified.

    Raises IdentifierError, which is how a partner's private customer number is refused (rules I1); KeyError for a
    scheme that does not exist.
    """
    check = _CHECKS[scheme]
    if len(raw) > _RAW_CHARACTERS_MAX:
        raise IdentifierError(f"The identifier has more than {_RAW_CHARACTERS_MAX} characters.")
    try:
        identifier = _SEPARATORS.sub("", resolved(raw)).upper()
    except TextError as error:
        raise IdentifierError(error.sentence) from None
    if fault := check(identifier):
        raise IdentifierError(fault)
    return identifier


def telling_digits(scheme: str, normalized: str) -> tuple[bytes, ...]:
    """The digits of an identifier that tell whose it is; each alone is enough to know the person.

    They are without a prefix and without what follows from the rest: the check digits of an account, the check
    character of a resident id. A resident id of a birth before 2000 has an older form too, of fifteen digits, which has
    neither the century nor the check character; it is still on contracts and in the records of banks.
    """
    if scheme == "account":
        return (normalized[2:12].encode(),)
    digits = normalized[:17].encode()
    return (digits, digits[:6] + digits[8:]) if digits[6:8] == b"19" else (digits,)


def tells(text: str, digits: tuple[bytes, ...]) -> bool:
    """Whether a text has any of these runs of digits in it (see `telling_digits`), in any spelling that `normalize`
    takes for the same, or in the digits of another script (rules I3 and I4).

    Only letters and digits are looked at, so that no separator hides them; letters are, so that what stands in two
    words of a text is not read as one.
    """
    if text.isascii():
        seen = text.encode().translate(None, _BESIDE_LETTERS_AND_DIGITS)
    else:
        seen = "".join(map(_digit, filter(str.isalnum, unicodedata.normalize("NFKC", text)))).encode()
    for run in digits:  # noqa: SIM110 - a generator would cost more than all of the search
        # `find` is what `in` would do, in half the time.
        if seen.find(run) >= 0:
            return True
    return False


def _digit(character: str) -> str:
    """A digit of any script, Chinese numerals included, as people read it; every other character as it is."""
    number = unicodedata.numeric(character, -1)
    return str(int(number)) if number in range(10) else character


_BESIDE_LETTERS_AND_DIGITS = bytes(byte for byte in range(128) if not chr(byte).isalnum())


def user_id(key: bytes, scheme: str, normalized: str) -> str:
    """64 lower-case hex characters: HMAC-SHA-256 of `<scheme>:<normalized>` under the deployment's key
    (rules I2)."""
    if len(key) < KEY_BYTES_MIN:
        raise ValueError(f"The deployment key has {len(key)} bytes; it needs at least {KEY_BYTES_MIN}.")
    return hmac.digest(key, f"{scheme}:{normalized}".encode(), "sha256").hex()


def sample_account(number: int) -> str:
    """A valid platform account for demos and tests; `number` is 0 to 9,999,999,999."""
    if not 0 <= number < 10**10:
        raise ValueError("An account number has ten digits.")
    return f"GS{number:010d}{98 - number * 100 % 97:02d}"


def _check_account(identifier: str) -> str | None:
    # ISO 7064 MOD 97-10: the ten digits with their two check digits leave 1 when divided by 97.
    found = _ACCOUNT.fullmatch(identifier)
    if not found:
        return "A platform account is `GS`, ten digits and two check digits; a private customer number is not taken."
    if int(found[1] + found[2]) % 97 != 1 or not 2 <= int(found[2]) <= 98:
        return "The two check digits of the platform account are wrong (ISO 7064, MOD 97-10)."
    return None


def _check_resident_id(identifier: str) -> str | None:
    # GB 11643: region, day of birth, sequence, and a check character by ISO 7064 MOD 11-2.
    found = _RESIDENT_ID.fullmatch(identifier)
    if not found:
        return "A resident id has 17 digits and a check character; a private customer number is not taken."
    if not _is_day(found[1]):
        return "The resident id's day of birth is no day of the calendar (GB 11643)."
    remainder = 0
    for character in identifier[:17]:
        remainder = (remainder + int(character)) * 2 % 11
    if "0123456789X"[(12 - remainder) % 11] != identifier[17]:
        return "The resident id's check character is wrong (GB 11643)."
    return None


def _is_day(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


_CHECKS = {"account": _check_account, "cn-resident-id": _check_resident_id}
