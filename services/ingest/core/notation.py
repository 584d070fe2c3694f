"""Numbers in a declared notation, read and written: decimal comma, thousands, a currency's sign, a minus."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.ingest.core.values import Number

_BLANK = " \u00a0\u2007\u2009\u202f"
"""The blanks that stand between thousands and before a sign: of one width or another, most of them not breaking."""
_MARKS = {" ": f"[{_BLANK}]", "'": "['\u2019]", ".": r"\.", ",": ","}
_MINUS = "[-\u2212]"
_CHARACTERS_MAX = 200
"""A longer text is no number. It could be a field beside the rows of a message, which is read again for each row."""


@dataclass(frozen=True, slots=True)
class Notation:
    """A notation, ready to read and to write."""

    number: Number
    _regex: re.Pattern[str]

    @property
    def sentence(self) -> str:
        """How such a number is written."""
        return f"It is written as {self.write('1234.50')}, and negative as {self.write('-1234.50')}."

    def read(self, text: str) -> str | None:
        """The number as -1234.50, with a point and nothing else; None where the text has another form."""
        found = self._regex.fullmatch(text) if len(text) <= _CHARACTERS_MAX else None
        if found is None:
            return None
        parts = found.groupdict()
        whole = "".join(filter(str.isdigit, parts["whole"]))
        minus = "-" if any(parts.get(name) for name in ("minus", "minus2", "open")) else ""
        return f"{minus}{whole}{'.' + parts['fraction'] if parts['fraction'] else ''}"

    def write(self, plain: str) -> str:
        """The number -1234.50 as the notation writes it, with all that may stand in it."""
        number = self.number
        whole, point, fraction = plain.lstrip("-").partition(".")
        if number.thousands:
            whole = f"{int(whole):,}".replace(",", number.thousands)
        text = f"{whole}{number.decimal if point else ''}{fraction}"
        if number.symbol:
            text = f"{number.symbol}{text}" if number.symbol_at == "before" else f"{text} {number.symbol}"
        if not plain.startswith("-"):
            return f"+{text}" if number.plus and number.minus == "before" else text
        if number.minus == "parentheses":
            return f"({text})"
        return f"-{text}" if number.minus == "before" else f"{text}-"


def notation(number: Number) -> Notation:
    """The notation that a file declares."""
    # No thousands stand behind a zero: 0.123 is a fraction that somebody wrote in another notation.
    groups = f"[1-9][0-9]{{0,2}}(?:{_MARKS[number.thousands]}[0-9]{{3}})+|" if number.thousands else ""
    digits = f"(?P<whole>{groups}[0-9]+)(?:{_MARKS[number.decimal]}(?P<fraction>[0-9]+))?"
    symbol = f"(?:{re.escape(number.symbol)})?" if number.symbol else ""
    before, after = "", ""
    if symbol and number.symbol_at == "before":
        before = f"(?:{re.escape(number.symbol or '')}[{_BLANK}]?)?"
    elif symbol:
        after = f"(?:[{_BLANK}]?{re.escape(number.symbol or '')})?"
    plus = "|\\+" if number.plus else ""
    match number.minus:
        case "before":
            # A sign of money and a minus stand in either order: -$5 and $-5.
            sign = f"(?:(?P<minus>{_MINUS}){plus})?"
            second = f"(?(minus)|(?:(?P<minus2>{_MINUS}))?)" if before else ""
            return Notation(number, re.compile(f"{sign}{before}{second}{digits}{after}"))
        case "after":
            return Notation(number, re.compile(f"{before}{digits}{after}(?:(?P<minus>{_MINUS}){plus})?"))
        case "parentheses":
            leading = "\\+?" if number.plus else ""
            return Notation(number, re.compile(f"(?P<open>\\()?{leading}{before}{digits}{after}(?(open)\\))"))
