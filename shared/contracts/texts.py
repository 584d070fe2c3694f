"""Texts of strangers: what none may have in it, and the one form of a text that is an identity (rules E16)."""

from __future__ import annotations

import re
import unicodedata

from shared.contracts.faults import Code

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""Never taken in any text: Postgres cannot store NUL, and the others only hide in logs."""

# What Python calls printable and nobody sees: joiners, fillers, variation selectors, the empty braille cell.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))
_SENTENCE = (
    "The text has a character that cannot be seen: a control character, a byte order mark, one without width, or one"
    " that Unicode has not assigned. Leave it out."
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


def one_form(text: str, characters_max: int) -> str:
    """The form in which a text is an identity; two texts that people cannot tell apart have one. Raises TextError.

    Compatibility forms are resolved (NFKC: full width, no-break blanks, composed letters), hyphens and dashes of every
    length are `-`, a run of blanks is one, and there are none at the ends.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DASHES)
        if _UNSEEN.search(text):
            raise TextError(Code.TEXT_FORM, _SENTENCE)
    if not text.isprintable():
        raise TextError(Code.TEXT_FORM, _SENTENCE)
    if " " in text:
        text = " ".join(filter(None, text.split(" ")))
    if not 0 < len(text) <= characters_max:
        raise TextError(Code.TEXT_LENGTH, f"The text must have 1 to {characters_max} characters, blanks aside.")
    return text
