"""What a partner's mapping file says, as frozen types: data, not code. `compiling` turns it into functions.

A file maps one partner's format. Each `[[events]]` block covers the partner's event codes that share their fields.
A value is named by its path in the body (`order.total`); with a CloudEvents envelope `@type` and `@subject` are the
envelope's attributes. Whatever the body has beside the named paths must be listed under `ignore`, or is refused.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from shared.contracts.kinds import RecordClass

TimeFormat: TypeAlias = Literal["rfc3339", "epoch-seconds", "epoch-millis", "local", "date", "compact-date"]
DAYS = ("date", "compact-date")
"""The formats that give a day only."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text: at `path`, or `fixed`, or made by a `function` of core/functions.py from the texts at `paths`.

    `map` translates the partner's words to ours and is then the closed list of what may come.
    """

    path: str | None = None
    fixed: str | None = None
    function: str | None = None
    paths: tuple[str, ...] = ()
    map: dict[str, str] = {}

    def __post_init__(self) -> None:
        if [self.path, self.fixed, self.function].count(None) != 2:
            raise ValueError("Say one of `path`, `fixed` and `function`.")
        if bool(self.paths) != bool(self.function):
            raise ValueError("`function` and `paths` belong together.")
        if self.fixed is not None and self.map:
            raise ValueError("What is `fixed` needs no `map`.")


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A time or a day. `local` is `YYYY-MM-DD HH:MM[:SS[.fff]]` in the file's zone, two paths its date and its time."""

    path: str | tuple[str, str]
    format: TimeFormat = msgspec.field(name="as")

    def __post_init__(self) -> None:
        if isinstance(self.path, tuple) and self.format != "local":
            raise ValueError("Two paths, a date's and a time's, are for `as = \"local\"`.")


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money, never negative. `minor`: an integer of minor units; `major`: a decimal number or text, 12.50.

    `units` translates the partner's words, found at `unit_path`, to `minor` and `major`. `point` says that the partner
    writes no points between thousands, so that the text 1.080 is 1.08.
    """

    path: str
    unit: Literal["minor", "major"] | None = None
    unit_path: str | None = None
    units: dict[str, Literal["minor", "major"]] = {}
    currency: str | None = None
    currency_path: str | None = None
    optional: bool = False
    point: Literal["decimal"] | None = None

    def __post_init__(self) -> None:
        if self.point is not None and self.unit == "minor":
            raise ValueError("Minor units have no `point`.")
        if (self.unit is None) == (self.unit_path is None):
            raise ValueError("Say one of `unit` and `unit_path`.")
        if bool(self.units) != bool(self.unit_path):
            raise ValueError("`unit_path` and `units` belong together.")
        if (self.currency is None) == (self.currency_path is None):
            raise ValueError("Say one of `currency` and `currency_path`.")


class Late(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days late: `fixed`, or from the day something was `due` to the day it was `cleared`, early being 0."""

    fixed: int | None = None
    due: str | Moment | None = None
    cleared: str | Moment | None = None

    def __post_init__(self) -> None:
        if (self.due is None) != (self.cleared is None) or (self.due is None) == (self.fixed is None):
            raise ValueError("Say `fixed`, or `due` and `cleared`.")


class ConsentPaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the event cites the consent under which a figure was given."""

    id: str | Text
    purpose: str | Text
    given_at: str | Moment


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Event codes of the partner, the kind that each one is, and where the kind's fields are found.

    A plain text is a path; at a plain path of a day is `YYYY-MM-DD`, of a time RFC 3339. `count` may be absent and is
    then 1; `reverses` is true for codes that take an earlier activity back, or the path of a boolean.
    """

    kinds: dict[str, str]
    count: str | None = None
    amount: Amount | None = None
    limit: Amount | None = None
    days_late: str | Late | None = None
    reverses: bool | str = False
    value: str | Text | None = None
    contact: str | Text | None = None
    consent: ConsentPaths | None = None
    report_id: str | Text | None = None
    status: str | Text | None = None
    began_on: str | Moment | None = None
    ended_on: str | Moment | None = None
    outcome: str | Text | None = None
    dispute: str | Text | None = None
    certificate: str | Text | None = None
    ignore: tuple[str, ...] = ()


class Rights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The classes of records that the partner may report; for a partner of the native format also the kinds."""

    records: tuple[RecordClass, ...] = ()
    kinds: tuple[str, ...] = ()


class JsonMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="json"):
    """JSON bodies. Without a CloudEvents envelope the file says where the event's id and time are."""

    envelope: Literal["cloudevents", "none"]
    subject: str | Text
    kind: str | tuple[str, ...]
    events: tuple[Events, ...]
    id: str | None = None
    time: str | Moment | None = None
    zone: str | None = None
    ignore: tuple[str, ...] = ()
    rights: Rights = Rights()


class CsvMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="csv"):
    """One line of RFC 4180 in each record, without a header; an empty cell is an absent value."""

    columns: tuple[str, ...]
    subject: str | Text
    kind: str | tuple[str, ...]
    events: tuple[Events, ...]
    id: str
    time: str | Moment
    delimiter: Literal[",", ";", "|", "\t"] = ","
    zone: str | None = None
    ignore: tuple[str, ...] = ()
    rights: Rights = Rights()


class NativeMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="native"):
    """The platform's own format (see native.py): there is nothing to map, only rights to grant."""

    rights: Rights


PartnerMapping: TypeAlias = JsonMapping | CsvMapping | NativeMapping


class MappingError(ValueError):
    """A mapping that contradicts itself or the taxonomy. `key` is where in the file: ("events", 2, "amount")."""

    def __init__(self, key: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.key = key
        self.sentence = sentence
