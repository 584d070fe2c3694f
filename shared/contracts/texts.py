"""Texts of strangers: what none may have in it, and the one form of a text that is an identity (rules E16)."""

from __future__ import annotations

import re
import unicodedata

from shared.contracts import unassigned
from shared.contracts.faults import Code

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Never taken in any text: Postgres cannot store NUL, and the others only hide in logs."""

# What Python calls printable and nobody sees: joiners, fillers, variation selectors, the empty braille cell, a note
# without a head; and the two characters that stand where something could not be read.
_UNSEEN_BASIC = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\ufffc\ufffd"
_UNSEEN_BEYOND = "\U00016fe4\U0001d159\U000e0100-\U000e01ef"
_BASIC_MAX = "\uffff"


def _unassigned(beyond: bool) -> str:
    ranges = ((chr(first), chr(last)) for first, last in unassigned.ranges())
    return "".join(f"{first}-{last}" for first, last in ranges if (first > _BASIC_MAX) is beyond)


# Of the basic plane `re` makes a table; in what lies beyond it looks range by range, which few texts need.
_NOT_TAKEN_BASIC = re.compile(f"[{_UNSEEN_BASIC}{_unassigned(False)}]")
_NOT_TAKEN_BEYOND = re.compile(f"[{_UNSEEN_BEYOND}{_unassigned(True)}]")
# Unicode's class Pd as of 14.0, as far as NFKC leaves it; then the minus signs, the hyphen bullet and the modifier
# letter. Written out, because the class grows from one version of Python to the next.
_PD = "\u058a\u05be\u1400\u1806\u2010-\u2015\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\U00010ead"
_DASH = re.compile(f"[{_PD}\u2212\u2796\u2043\u02d7]")
_SENTENCE = (
    "The text has a character that cannot be seen: a control character, a byte order mark, one without width, one that"
    " stands for what could not be read, or one that Unicode has not assigned (14.0). Leave it out."
)


class TextError(ValueError):
    """A text that is not taken as an identity. `sentence` never quotes it."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def is_plain(text: str) -> bool:
    """Whether the text is surely its own one form, as nearly all are: visible ASCII without blanks."""
    return text.isascii() and text.isprintable() and " " not in text


def is_visible(text: str) -> bool:
    """Whether nobody can take the text for another one by its blanks or by characters that cannot be seen."""
    try:
        resolved(text)
    except TextError:
        return False
    return text.isprintable() and text == _single_blanks(text)


def resolved(text: str) -> str:
    """The text with its compatibility forms resolved (NFKC) and every hyphen, dash and minus sign as `-`.

    Raises TextError for what cannot be seen, before NFKC too: a later Unicode may resolve what is not assigned here.
    """
    if text.isascii():
        return text
    _check_seen(text)
    found = unicodedata.normalize("NFKC", text)
    if found != text:
        _check_seen(found)
    return _DASH.sub("-", found)


def _check_seen(text: str) -> None:
    if _NOT_TAKEN_BASIC.search(text) or (max(text) > _BASIC_MAX and _NOT_TAKEN_BEYOND.search(text)):
        raise TextError(Code.TEXT_FORM, _SENTENCE)


def one_form(text: str, characters_max: int) -> str:
    """The form in which a text is an identity; two texts that people cannot tell apart have one. Raises TextError.

    Compatibility forms are resolved (NFKC: full width, no-break blanks, composed letters), hyphens and dashes of every
    length are `-`, a run of blanks is one, and there are none at the ends.
    """
    text = resolved(text)
    if not text.isprintable():
        raise TextError(Code.TEXT_FORM, _SENTENCE)
    if " " in text:
        text = _single_blanks(text)
    if not 0 < len(text) <= characters_max:
        raise TextError(Code.TEXT_LENGTH, f"The text must have 1 to {characters_max} characters, blanks aside.")
    return text


def _single_blanks(text: str) -> str:
    return " ".join(filter(None, text.split(" ")))
