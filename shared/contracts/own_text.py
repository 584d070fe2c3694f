"""What a person writes in their own words: how long it may be, that all of it can be seen, and that nobody is named in
it by an identifier."""

from __future__ import annotations

import re
import unicodedata

from shared.contracts.faults import Code, Fault
from shared.contracts.identity import IdentifierError, SchemeName, normalize
from shared.contracts.subject import WORDS_MAX
from shared.contracts.texts import TextError, resolved

_USER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_LONG_NUMBER = re.compile(r"\d(?:[ ()./_-]{0,3}\d){10}|\+[ (]{0,2}\d(?:[ ()./_-]{0,3}\d){6}")
"""A number of this length, in one piece or in groups, is that of a telephone, a card, an account or an identity card,
and not an amount. A shorter one behind a plus is that of a telephone."""
_DAY_OR_AMOUNT = re.compile(
    r"(?<!\d)(?:\d{4}([./-])\d{1,2}\1\d{1,2}|\d{1,2}([./-])\d{1,2}\2\d{4}|\d{1,3}(?:,\d{3})*\.\d{2}|\d{1,7}\.\d{2})(?![./-]?\d)"
)
"""A day or an amount, of which two in a row are no long number."""
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode's classes of characters that cannot be seen; some of them turn the order of those that can."""
_CANDIDATES = re.compile(r"(?=(GS\d{12}|[1-9]\d{16}[\dX]))")
_THEIR_SCHEMES: tuple[SchemeName, ...] = ("account", "cn-resident-id")


def check_text(text: str, field: str) -> Fault | None:
    """The first thing that is wrong with a person's text: a character that cannot be seen, no words or too many, or an
    identifier in it."""
    if not _can_be_seen(text):
        sentence = "The text has a character that cannot be seen, or one that turns the order of others. Leave it out."
        return Fault(Code.TEXT_FORM, field, sentence)
    if not text.split():
        return Fault(Code.TEXT_LENGTH, field, "The text is blank. Write what others are to read, or leave it out.")
    if len(text.split()) > WORDS_MAX:
        return Fault(Code.TOO_MANY_WORDS, field, f"The text may have at most {WORDS_MAX} words.")
    if names_somebody(text):
        sentence = "Leave out identifiers, addresses and numbers of cards or telephones: others see the text."
        return Fault(Code.NAMES_PERSON, field, sentence)
    return None


def _can_be_seen(text: str) -> bool:
    """Others read the text: what they see must be what it says, and no identifier may hide in it."""
    try:
        seen = resolved(text)
    except TextError:
        return False
    return seen.isprintable() or not any(unicodedata.category(each) in _UNSEEN for each in seen)


def names_somebody(text: str) -> bool:
    """Whether there is an identifier in the text, as far as that can be told: one of a scheme of ours, in any spelling
    that is taken for the same; a user_id; an electronic address; or a number of eleven digits or more."""
    seen = _with_dashes_of_one_kind(text)
    if _USER_ID.search(seen.lower()) or _ADDRESS.search(seen) or _LONG_NUMBER.search(_DAY_OR_AMOUNT.sub("that", seen)):
        return True
    # What may stand between the groups of a number does not hide an identifier; everything else parts two words.
    joined = re.sub(r"[\s()./_-]+", "", seen).upper()
    return any(_is_identifier(found[1]) for found in _CANDIDATES.finditer(joined))


def _with_dashes_of_one_kind(text: str) -> str:
    try:
        return resolved(text)
    except TextError:
        return unicodedata.normalize("NFKC", text)


def _is_identifier(text: str) -> bool:
    for scheme in _THEIR_SCHEMES:
        try:
            normalize(scheme, text)
        except IdentifierError:
            continue
        return True
    return False
