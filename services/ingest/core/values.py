"""What a partner's file says of one value, as frozen types: where it stands and in which notation it is written.

A notation is declared, never guessed, and can be written as well as read. `mapping` puts values together to a file.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

TimeFormat: TypeAlias = Literal[
    "rfc3339",
    "epoch-seconds",
    "epoch-millis",
    "epoch-micros",
    "epoch-days",
    "local",
    "date",
    "compact-date",
]
DAYS = ("date", "compact-date", "epoch-days")
"""The formats that give a day only."""
JsonType: TypeAlias = Literal["text", "number"]


class Number(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How numbers are written where they are texts. A number of JSON has its own grammar and needs none of this."""

    decimal: Literal[".", ","] = "."
    """What stands before the fraction. `decimal = ","` reads `12,50`."""
    thousands: Literal[".", ",", " ", "'"] | None = None
    """What may stand between groups of three digits; a blank stands for every kind of blank.
    `thousands = "."` reads `1.234,50`."""
    symbol: str | None = None
    """A sign or code of the currency that may stand beside the number. `symbol = "$"` reads `$12.50`."""
    symbol_at: Literal["before", "after"] = "before"
    """On which side it stands, with or without one blank. `symbol_at = "after"` reads `12,50 €`."""
    plus: bool = False
    """Whether a plus may stand where a minus would. `plus = true` reads `+12.50`."""
    minus: Literal["before", "after", "parentheses"] = "before"
    """How a negative number is written. `minus = "after"` reads `12,50-`, `minus = "parentheses"` reads `(12.50)`."""

    def __post_init__(self) -> None:
        if self.thousands == self.decimal:
            raise ValueError("`decimal` and `thousands` cannot be the same mark.")
        if self.symbol is not None and (
            not self.symbol.strip() or any(c.isdigit() or c in "+-.,()" for c in self.symbol)
        ):
            raise ValueError("A `symbol` is a sign or a code of letters, such as $ or EUR.")


class Codes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How strictly the partner's words are compared with those of the file: kinds, states, units. Without it to the
    letter."""

    trim: bool = False
    """Whether blanks and tabs around a word are passed over. `trim = true` reads `"PAID "` as `PAID`."""
    case: Literal["exact", "ignore"] = "exact"
    """Whether case counts. `case = "ignore"` reads `Paid` as `PAID`."""
    form: Literal["exact", "nfc", "nfkc"] = "exact"
    """The form of Unicode to which both are brought. `form = "nfkc"` reads letters of full width as plain ones."""


class Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A word of an event's code that is more than a text at a path."""

    path: str | None = None
    """Where the word stands. `{ path = "type", type = "number" }` reads the number 7 as the word `7`."""
    fixed: str | None = None
    """The word itself, where all events are of one kind. `{ fixed = "ride" }`."""
    sign_of: str | None = None
    """Where an amount stands whose sign is the word: `minus`, `plus` or `zero`. A text is read as the file's `number`
    says; the `number` of a block's amount does not count here. `{ sign_of = "Amount" }`."""
    filled: tuple[str, ...] = ()
    """Places of which one has a value, and the others none: the path of that one is the word.
    `{ filled = ["Debit", "Credit"] }`."""
    type: JsonType = "text"
    """Of which type of JSON the word is; a number is whole. `type = "number"`."""

    def __post_init__(self) -> None:
        if [self.path, self.fixed, self.sign_of, self.filled or None].count(None) != 3:
            raise ValueError("Say one of `path`, `fixed`, `sign_of` and `filled`.")
        if len(self.filled) == 1:
            raise ValueError(
                "`filled` names two places or more. Where one cell says it, by being filled or empty, name the cell as "
                '`kind`; `*` is then whatever stands in it, and `skip = [""]` passes over the empty ones.'
            )
        if self.type != "text" and self.path is None:
            raise ValueError("`type` belongs to a `path`.")


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text: at `path`, or `fixed`, or made by a `function` of core/functions.py from the texts at `paths`.

    `map` translates the partner's words to ours and is then the closed list of what may come.
    """

    path: str | None = None
    """Where it stands. `{ path = "state" }`."""
    fixed: str | None = None
    """The text itself. `{ fixed = "reported" }`."""
    function: str | None = None
    """`joined` joins texts with `-`; `digest` makes 32 digits of them, from which nobody reads them, for events without
    an id, some of whose fields may be absent; `case_number` names a court's case.
    `{ function = "digest", paths = ["date", "amount", "purpose"] }`."""
    paths: tuple[str, ...] = ()
    """What the function is given. `paths = ["court", "year", "number"]`."""
    map: dict[str, str] = {}
    """The partner's words and ours. `map = { open = "reported", paid = "settled" }`."""
    type: JsonType = "text"
    """Of which type of JSON the value is; a number is whole and becomes its digits. `type = "number"`."""

    def __post_init__(self) -> None:
        if [self.path, self.fixed, self.function].count(None) != 2:
            raise ValueError("Say one of `path`, `fixed` and `function`.")
        if bool(self.paths) != bool(self.function):
            raise ValueError("`function` and `paths` belong together.")
        if self.fixed is not None and self.map:
            raise ValueError("What is `fixed` needs no `map`.")
        if self.type != "text" and self.path is None:
            raise ValueError("`type` belongs to a `path`.")


class Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole number that JSON has as a text."""

    path: str
    """Where it stands. `{ path = "items", type = "text" }`."""
    type: JsonType = "number"
    """Of which type of JSON it is. `type = "text"` reads `"3"`."""


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time or a day. `local` is `YYYY-MM-DD HH:MM[:SS[.fff]]` in the file's zone.

    A `pattern` has the letters of Unicode's locale data (LDML): `y` year, `M` month, `d` day, `H` hour of 24, `h` hour
    of 12 with `a` for AM or PM, `m` minute, `s` second, `S` fraction, `X` offset. What is in brackets may be absent, a
    text in single quotes stands for itself. Of an hour that the clocks show twice, when they go back, the first is
    meant; one that they skip is refused.
    """

    path: str | tuple[str, ...]
    """Where it stands; of several paths the texts are joined with blanks. `path = ["date", "time"]`."""
    format: TimeFormat | None = msgspec.field(name="as", default=None)
    """One of the common forms. `{ path = "ts", as = "epoch-millis" }`."""
    pattern: str | None = None
    """Any other form, by LDML's letters. `{ path = "booked", pattern = "dd.MM.yyyy" }`,
    `{ path = "started_at", pattern = "yyyy-MM-dd HH:mm:ss[.SSSSSS]" }`."""
    at: Literal["start", "noon", "end"] | None = None
    """Which instant of a day is meant, in the file's zone, where an instant is needed. `at = "noon"`."""
    type: JsonType | None = None
    """Of which type of JSON an epoch is; a number, if left out. `type = "text"`."""

    def __post_init__(self) -> None:
        if (self.format is None) == (self.pattern is None):
            raise ValueError("Say one of `as` and `pattern`.")
        if isinstance(self.path, tuple):
            if self.pattern is None and (self.format != "local" or len(self.path) != 2):
                raise ValueError(
                    "Two paths, a date's and a time's, are for `as = \"local\"`; any others for a `pattern`."
                )
            if not self.path:
                raise ValueError("Name at least one path.")
        if self.type is not None and not (self.format or "").startswith("epoch"):
            raise ValueError("`type` belongs to an epoch.")


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money. `minor`: an integer of minor units; `major`: a decimal number or text, 12.50."""

    path: str
    """Where it stands. `path = "total"`."""
    unit: Literal["minor", "major"] | None = None
    """The unit, where all amounts have one. `unit = "major"`."""
    unit_path: str | None = None
    """Where the unit stands, if events say it. `unit_path = "unit"`."""
    units: dict[str, Literal["minor", "major"]] = {}
    """The partner's words for units. `units = { fen = "minor", yuan = "major" }`."""
    currency: str | None = None
    """The currency (ISO 4217), where all amounts have one. `currency = "EUR"`."""
    currency_path: str | None = None
    """Where the currency stands. `currency_path = "ccy"`."""
    optional: bool = False
    """Whether it may be absent. `optional = true`."""
    point: Literal["decimal"] | None = None
    """That the partner writes no points between thousands, so that the text 1.080 is 1.08. `point = "decimal"`."""
    number: Number | None = None
    """How this amount is written, where it differs from the file's `number`. `number = { decimal = "," }`."""
    sign: Literal["positive", "negative", "either"] = "positive"
    """Which sign it has; what counts is the amount without it. `sign = "negative"` reads -12.50 as 12.50 and refuses
    12.50."""

    def __post_init__(self) -> None:
        if self.point is not None and self.unit == "minor":
            raise ValueError("Minor units have no `point`.")
        if self.point is not None and self.number is not None:
            raise ValueError("`number` says what `point` says, and more; keep one of them.")
        if (self.unit is None) == (self.unit_path is None):
            raise ValueError("Say one of `unit` and `unit_path`.")
        if bool(self.units) != bool(self.unit_path):
            raise ValueError("`unit_path` and `units` belong together.")
        if (self.currency is None) == (self.currency_path is None):
            raise ValueError("Say one of `currency` and `currency_path`.")


class Late(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days late: at `path`, or `fixed`, or from the day something was `due` to the day it was `cleared`; early is 0.

    A mark that says only whether something was late is a word of `kind`: each of its words has a block of its own, with
    the days `fixed` there.
    """

    path: str | None = None
    """Where the number of days stands. `{ path = "late", type = "text" }`."""
    type: JsonType = "number"
    """Of which type of JSON that number is. `type = "text"` reads `"3"`."""
    fixed: int | None = None
    """The days themselves. `{ fixed = 0 }` for what is paid when it is bought."""
    due: str | Moment | None = None
    """The day it was due. `due = "dueDate"`."""
    cleared: str | Moment | None = None
    """The day it was cleared. `cleared = { path = "paidAt", as = "rfc3339" }`."""

    def __post_init__(self) -> None:
        if (self.due is None) != (self.cleared is None) or [self.path, self.due, self.fixed].count(None) != 2:
            raise ValueError("Say `fixed`, or `due` and `cleared`, or `path`.")
        if self.type != "number" and self.path is None:
            raise ValueError("`type` belongs to a `path`.")


class ConsentPaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the event cites the consent under which a figure was given."""

    id: str | Text
    """Its id. `id = "consent.reference"`."""
    purpose: str | Text
    """For what it was given. `purpose = { fixed = "credit-standing" }`."""
    given_at: str | Moment
    """When it was given. `given_at = "consent.given_at"`."""
