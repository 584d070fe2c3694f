"""What a partner's mapping file says, as frozen types: data, not code. `compiling` turns it into functions.

A file maps one partner's format. Each `[[events]]` block covers the partner's event codes that share their fields.
A value is named by its path in the body (`order.total`); with a CloudEvents envelope `@type` and `@subject` are the
envelope's attributes. Whatever the body has beside the named paths must be listed under `ignore`, or is refused.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from services.ingest.core.values import DAYS as DAYS
from services.ingest.core.values import Amount as Amount
from services.ingest.core.values import Codes as Codes
from services.ingest.core.values import ConsentPaths as ConsentPaths
from services.ingest.core.values import Late as Late
from services.ingest.core.values import Moment as Moment
from services.ingest.core.values import Number as Number
from services.ingest.core.values import Text as Text
from services.ingest.core.values import TimeFormat as TimeFormat
from services.ingest.core.values import Whole as Whole
from services.ingest.core.values import Word as Word
from shared.contracts.kinds import RecordClass

ROOT_LIST = "."
"""The `list` of a message that is an array itself."""
ANY = "*"
"""Every word, in a code."""
BELOW = ".*"
"""The end of a path under `ignore` whose object or list is passed over with all that it holds."""


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Event codes of the partner, the kind that each one is, and where the kind's fields are found.

    A plain text is a path; at a plain path of a day is `YYYY-MM-DD`, of a time RFC 3339.
    """

    kinds: dict[str, str]
    """The partner's codes and our kinds; `*` is every word that no other code has, an absent one too, and an empty word
    is an absent one. Of several codes that fit an event the one with the fewest `*` is taken; of these the one that
    names the first word, and so on, so that `/*` takes an absent first word before `*/plus` does.
    `kinds = { paid = "water.bill" }`, for two words `kinds = { "paid/*" = "water.bill" }`."""
    count: str | Whole | None = None
    """How many times it was done; 1 where it is absent. `count = "items"`."""
    amount: Amount | None = None
    """The money. `amount = { path = "total", unit = "major", currency = "CNY" }`."""
    limit: Amount | None = None
    """The limit of a card, of its statement only. `limit = { path = "limit", unit = "major", currency = "CNY" }`."""
    days_late: str | Late | None = None
    """The days late, negative ones being early. `days_late = "days_past_due"`."""
    reverses: bool | str = False
    """True for codes that take an earlier activity back, or the path of a boolean. `reverses = true`."""
    value: str | Text | None = None
    """What a fact says. `value = { path = "degree", map = { b = "bachelor" } }`."""
    contact: str | Text | None = None
    """The other person, by the same scheme of identifiers. `contact = "friendAccount"`."""
    consent: ConsentPaths | None = None
    """The consent under which a figure is told. `consent = { id = "c.id", purpose = "c.why", given_at = "c.at" }`."""
    report_id: str | Text | None = None
    """The number of a record, under which it is reported and settled. `report_id = "case"`."""
    status: str | Text | None = None
    """Whether a record is `reported` or `settled`. `status = { path = "state", map = { open = "reported" } }`."""
    began_on: str | Moment | None = None
    """The day on which the behavior of a record began. `began_on = "since"`."""
    ended_on: str | Moment | None = None
    """The day on which it ended. `ended_on = "paid_on"`."""
    outcome: str | Text | None = None
    """How a dispute of the record ended: corrected, deleted, confirmed or unverifiable. `outcome = "result"`."""
    dispute: str | Text | None = None
    """The number of the dispute that is answered. `dispute = "disputeNo"`."""
    certificate: str | Text | None = None
    """The certificate that a record is right after all, without which one that was deleted is not reported again.
    `certificate = "certificateNo"`."""
    ignore: tuple[str, ...] = ()
    """What these events have besides and nobody needs, as at the top of the file. `ignore = ["period"]`."""


class Rights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the partner may send; a refusal otherwise."""

    records: tuple[RecordClass, ...] = ()
    """The classes of records that the partner may report. `records = ["life"]`."""
    kinds: tuple[str, ...] = ()
    """The kinds that a partner of the native format may send. `kinds = ["water.bill"]`."""


class AnyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What files of every format but the native one say."""

    subject: str | Text
    """The person, by the identifier that all partners share. `subject = "customer.account"`."""
    kind: str | Word | tuple[str | Word, ...]
    """Where the words stand that say what kind of event it is. `kind = ["evt", "svc"]` has codes as `paid/water`."""
    events: tuple[Events, ...]
    """The `[[events]]` blocks, below all other keys.
    `events = [{ kinds = { paid = "water.bill" }, days_late = "late" }]`."""
    zone: str | None = None
    """The zone of local times and of days, by its name in the IANA database. `zone = "Europe/Berlin"`."""
    number: Number | None = None
    """How amounts are written where they are texts. `number = { decimal = ",", thousands = "." }`."""
    codes: Codes | None = None
    """How strictly the partner's words are compared. `codes = { trim = true, case = "ignore" }`."""
    skip: tuple[str, ...] = ()
    """Codes of events that are passed over: neither accepted nor refused, and counted as skipped. `*` is every word
    that no other code has, an empty word is an absent one, and comes before `*`. `skip = ["heartbeat", "test/*"]`."""
    ignore: tuple[str, ...] = ()
    """Paths that are known and not needed; one that ends in `.*` is an object or a list, passed over with all that it
    holds, and in a table with a header `""` is each column without a name. `ignore = ["channel", "items.*"]`."""
    rights: Rights = Rights()
    """What the partner may send. `rights = { records = ["financial"] }`."""
    crosswalk: bool = False
    """Whether people are named by the partner's own customer numbers, of which its crosswalk says whose they are.
    `crosswalk = true`."""


class JsonMapping(AnyFile, frozen=True, kw_only=True, tag_field="format", tag="json"):
    """JSON bodies. Without a CloudEvents envelope the file says where the event's id and time are."""

    envelope: Literal["cloudevents", "none"]
    """Whether messages are CloudEvents, in either mode. `envelope = "none"`."""
    id: str | Text | None = None
    """The event's own id; the same id twice about one person is one event. `id = "ride"`."""
    time: str | Moment | None = None
    """When it happened. `time = { path = "at", as = "local" }`."""
    registry: bool = False
    """Whether values may be in the Confluent wire format: Avro, Protobuf or JSON, with a schema in the deployment's
    registry. They are read as the JSON that says the same. `registry = true`."""
    list: str | None = None
    """Where a list stands each member of which is an event: `list = "."` for a message that is a list, `list = "rides"`
    for one in an object, whose other fields every event then has as well. Paths are written as though the one
    member stood there: `rides.fare`."""


class AnyTable(AnyFile, frozen=True, kw_only=True):
    """What formats of lines and cells say. An empty cell is an absent value."""

    id: str | Text
    """The event's own id. `id = "booking"`, or of rows without one
    `id = { function = "digest", paths = ["date", "amount", "purpose"] }`."""
    time: str | Moment
    """When it happened. `time = { path = "booked", pattern = "dd.MM.yyyy", at = "noon" }`."""
    encoding: Literal["utf-8", "windows-1252", "iso-8859-1", "iso-8859-15", "gb18030", "utf-16"] = "utf-8"
    """How texts are bytes. `encoding = "windows-1252"`."""
    absent: tuple[str, ...] = ()
    """What a cell holds that says nothing, besides an empty one. `absent = ["NULL", "00000000"]`."""


class CsvMapping(AnyTable, frozen=True, kw_only=True, tag_field="format", tag="csv"):
    """Lines of RFC 4180. A message is one line, or with a `header` as many as there are below it."""

    columns: tuple[str, ...] = ()
    """The names of all cells in their order, for messages without a header. `columns = ["id", "at", "account"]`."""
    header: bool = False
    """Whether each message begins with the line of its columns' names, and each line after it is an event. The second
    column of one name is read as `name#2`. `header = true`."""
    preamble: bool = False
    """Whether other lines may stand before the header, which is then that one of the first 50 lines that names the most
    of the columns that the file reads or ignores. `preamble = true`."""
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    """What stands between cells. `delimiter = ";"`."""
    quote: Literal['"', "'", ""] = '"'
    """What stands around a cell that has the delimiter in it, and doubled for itself; empty where nothing is quoted.
    `quote = "'"`."""
    trim: bool = False
    """Whether blanks and tabs around each cell are passed over. `trim = true`."""
    ragged: bool = False
    """Whether a line may have fewer cells than columns, the rest being absent, or more, these being empty.
    `ragged = true`."""

    def __post_init__(self) -> None:
        if bool(self.columns) == self.header:
            raise ValueError("Say `columns`, or `header = true` where each message names them itself.")
        if self.preamble and not self.header:
            raise ValueError("`preamble` says what stands before a `header`.")
        if self.delimiter in "\"'\r\n\0" or self.delimiter.isalnum():
            raise ValueError("A `delimiter` is a mark such as , ; | or a tab, and no quote.")


class FixedMapping(AnyTable, frozen=True, kw_only=True, tag_field="format", tag="fixed"):
    """Lines whose cells stand at fixed positions, one line in each message. Blanks around a cell are none of it."""

    columns: dict[str, tuple[int, int]]
    """The first and the last position of each cell, counted from 1. `columns = { account = [43, 72] }`."""
    length: int
    """How many characters a line has at least; what follows is passed over. `length = 426`."""


class NativeMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="format", tag="native"):
    """The platform's own format (see native.py): there is nothing to map, only rights to grant."""

    rights: Rights
    """The kinds and the classes of records that the partner may send. `rights = { kinds = ["water.bill"] }`."""
    crosswalk: bool = False
    """Whether people are named by the partner's own customer numbers, of which its crosswalk says whose they are.
    `crosswalk = true`."""


ForeignMapping: TypeAlias = JsonMapping | CsvMapping | FixedMapping
PartnerMapping: TypeAlias = ForeignMapping | NativeMapping


def has_several(mapping: PartnerMapping) -> bool:
    """Whether a message may have several events (rules E21)."""
    if isinstance(mapping, JsonMapping):
        return mapping.list is not None
    return isinstance(mapping, CsvMapping) and mapping.header


def words_of(kind: str | Word | tuple[str | Word, ...]) -> tuple[str | Word, ...]:
    """Where the words of an event's code stand, in their order."""
    return kind if isinstance(kind, tuple) else (kind,)


class MappingError(ValueError):
    """A mapping that contradicts itself or the taxonomy. `key` is where in the file: ("events", 2, "amount")."""

    def __init__(self, key: tuple[str | int, ...], sentence: str) -> None:
        super().__init__(sentence)
        self.key = key
        self.sentence = sentence


class MappingFaultsError(ValueError):
    """All that is wrong with a mapping, at least one."""

    def __init__(self, errors: tuple[MappingError, ...]) -> None:
        super().__init__(errors[0].sentence)
        # One fault of a block is found once for each of its kinds.
        self.errors = tuple({(error.key, error.sentence): error for error in errors}.values())
