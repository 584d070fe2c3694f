"""The one way in: a partner's raw event becomes a normalized event, or one refusal that says what to send instead."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Any, Protocol

import msgspec

from services.ingest.core.context import AHEAD_MAX
from services.ingest.core.fields import names_person
from services.ingest.core.partner import Body, Csv, Partner, Reading
from services.ingest.core.plausibility import EVENT, judge_time
from services.ingest.core.readers import listed
from services.ingest.core.tree import Flat, Refuse, demographic, flatten, printable, refused
from shared.contracts import cloudevents
from shared.contracts.cloudevents import Headers
from shared.contracts.faults import Code, Fault
from shared.contracts.fields import ID_CHARACTERS_MAX
from shared.contracts.identity import tells
from shared.contracts.strict_json import JsonError, loads
from shared.contracts.texts import TextError, is_plain, one_form

_SUBJECT = {"subject"}


class Raw(Protocol):
    """A Kafka record as it came, or whatever else has its parts."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Normalized(msgspec.Struct, frozen=True, gc=False):
    """An event that is taken. `event_id` is the partner's; `time` is in UTC.

    `fieldnames` is the header that says how the partner calls the fields that a later service may refuse, if it
    calls any of them otherwise than we do.
    """

    user_id: str
    event_id: str
    time: datetime
    body: Body
    fieldnames: tuple[tuple[str, bytes], ...]


class Refused(msgspec.Struct, frozen=True, gc=False):
    """An event that is not taken. `event_id` is the partner's, if it could be read.

    `bug` says what failed and where, for the operator, if the fault is one of ours; it quotes nothing of the event.
    """

    fault: Fault
    event_id: str | None
    bug: str | None = None


def normalize(partner: Partner, raw: Raw, arrived: datetime) -> Normalized | Refused:
    """What this partner's event says; `arrived` (UTC) is what "in the future" is judged by. Never raises."""
    flat: Flat = {"@latest": arrived + AHEAD_MAX}
    try:
        return _bare(partner, raw, flat) if partner.bare else _enveloped(partner, raw, flat)
    except Refuse as refusal:
        return Refused(_in_their_words(refusal.fault, partner, flat), flat.get("@id") or _sent_id(raw))
    except MemoryError:
        raise  # the machine's fault, which says nothing about the event
    except Exception as error:  # noqa: BLE001 - whatever it is, the partner gets an answer and the operator a line
        return Refused(_UNPROCESSABLE, flat.get("@id"), _bug(error))


_UNPROCESSABLE = Fault(
    Code.UNPROCESSABLE,
    "",
    "The event cannot be processed, and no rule says why: the fault is ours. Tell the operator its position, and send"
    " it again once the fault is mended.",
)


def _bug(error: Exception) -> str:
    """The kind of error and the line that raised it. Its message could quote the event, and is left out."""
    line = error.__traceback__
    while line and line.tb_next:
        line = line.tb_next
    where = f" at {line.tb_frame.f_code.co_name}, line {line.tb_lineno}" if line else ""
    return f"{type(error).__name__}{where}"


def _in_their_words(fault: Fault, partner: Partner, flat: Flat) -> Fault:
    """The same fault, with an attribute of the event named as this sender writes it (rules E1)."""
    if not fault.field.startswith("@"):
        return fault
    field = partner.bare.labels[fault.field] if partner.bare else flat["@prefix"] + fault.field[1:]
    return Fault(fault.code, field, fault.sentence)


def _enveloped(partner: Partner, raw: Raw, flat: Flat) -> Normalized:
    event = cloudevents.parse(raw.key, raw.value, raw.headers)
    if isinstance(event, Fault):
        raise Refuse(event.code, event.field and printable(event.field), event.sentence)
    envelope = event.envelope
    flat["@prefix"] = event.prefix
    flat["@id"] = envelope.id if is_plain(envelope.id) else _one_form(envelope.id)
    flat["@time"] = envelope.time
    flat["@type"] = envelope.type
    if extensions := envelope.extensions:
        flat["@subject"] = extensions.get("subject")
        if extensions.keys() != _SUBJECT and (fault := demographic(extensions, event.prefix)):
            raise refused(fault)
    judge_time(envelope.time, flat, "@time", EVENT)
    body = _object(event.data, "data")
    reading = _reading(partner, flat, body)
    _flatten(reading, body, flat, "data.")
    return _event(partner, reading, flat)


def _one_form(id: str) -> str:
    try:
        return one_form(id, ID_CHARACTERS_MAX)
    except TextError as error:
        raise Refuse(error.code, "@id", error.sentence) from None


def _bare(partner: Partner, raw: Raw, flat: Flat) -> Normalized:
    """An event without an envelope: its id and time are among the values."""
    assert partner.bare is not None
    flat["@prefix"] = ""
    value = _value(raw)
    body: dict[str, Any]
    if partner.csv is None:
        body = _object(_json(value), "")
        flat[partner.bare.id_path] = partner.bare.id_at(body)
    else:
        body = _cells(partner.csv, value)
        flat.update(body)
    flat["@id"] = partner.bare.id(flat)
    reading = _reading(partner, flat, body)
    if partner.csv is None:
        _flatten(reading, body, flat, "")
    flat["@time"] = partner.bare.time(flat)
    return _event(partner, reading, flat)


def _event(partner: Partner, reading: Reading, flat: Flat) -> Normalized:
    person = flat["@person"] = partner.subject(flat)
    event_id: str = flat["@id"]
    if tells(event_id, person.digits):
        raise names_person("@id")
    return Normalized(person.user_id, event_id, flat["@time"], reading.body(flat), reading.fieldnames[flat["@prefix"]])


# What kind of event it is.


def _reading(partner: Partner, flat: Flat, body: dict[str, Any]) -> Reading:
    words = tuple([word.read(flat, body) for word in partner.words])
    try:
        reading = partner.readings[words]
    except (KeyError, TypeError):  # objects and lists cannot be looked up
        raise _unknown_kind(partner, words) from None
    if reading.fault is not None:
        raise Refuse(reading.fault.code, partner.words[-1].label, reading.fault.sentence)
    return reading


def _unknown_kind(partner: Partner, words: tuple[Any, ...]) -> Refuse:
    """Names the first word that no code has after the words before it."""
    for index, (word, value) in enumerate(zip(partner.words, words, strict=True)):
        if value is None:
            return Refuse(Code.MISSING_FIELD, word.label, "The field must be there.")
        if type(value) is not str:
            return Refuse(Code.WRONG_TYPE, word.label, "Send a text here.")
        known = dict.fromkeys(code[index] for code in partner.readings if code[:index] == words[:index])
        if value not in known:
            code = Code.ENVELOPE_TYPE if word.path == "@type" else Code.UNKNOWN_KIND
            return Refuse(code, word.label, f"Send one of: {listed(known)}.")
    raise AssertionError("called only for words that are no code")


# From bytes to values.


def _value(raw: Raw) -> bytes:
    if fault := cloudevents.too_large(raw.key, raw.value, raw.headers):
        raise refused(fault)
    if raw.value is None:
        raise Refuse(Code.VALUE_MISSING, "", "The record has no value; send the event as its value.")
    return raw.value


def _json(value: bytes) -> Any:
    try:
        return loads(value)
    except JsonError as error:
        raise Refuse(error.code, "", error.sentence) from None


def _object(body: Any, label: str) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise Refuse(Code.NOT_AN_OBJECT, label, "A JSON object is expected here.")
    return body


def _flatten(reading: Reading, body: dict[str, Any], flat: Flat, prefix: str) -> None:
    try:
        flatten(reading.tree, body, flat, prefix)
    except Refuse:
        # A demographic field is reported before any other fault of the body's fields (rules E9).
        if fault := demographic(body, prefix):
            raise refused(fault) from None
        raise


def _cells(format: Csv, value: bytes) -> dict[str, str]:
    """Columns and their values; an empty cell is an absent value."""
    try:
        # The mark that some programs put before a file is no part of what the file says.
        text = value.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Refuse(Code.CSV_LINE, "", "Send the line as UTF-8.") from None
    line = text.removesuffix("\n").removesuffix("\r")
    if "\n" in line or "\r" in line or "\0" in line:
        raise Refuse(Code.CSV_LINE, "", "Send one line in each record, without line breaks or NUL in it.")
    try:
        cells = next(csv.reader((line,), delimiter=format.delimiter, strict=True), [])
    except csv.Error:
        raise Refuse(
            Code.CSV_LINE, "", "Send a line of CSV as in RFC 4180; a quote is closed, and doubled inside."
        ) from None
    if len(cells) != len(format.columns):
        sentence = f"The line has {len(cells)} columns; send {len(format.columns)}: {listed(format.columns)}."
        raise Refuse(Code.CSV_LINE, "", sentence)
    if cells[0] == format.columns[0] and tuple(cells) == format.columns:
        raise Refuse(Code.CSV_LINE, "", "This looks like a line of column names; leave it out.")
    return {column: cell for column, cell in zip(format.columns, cells, strict=True) if cell}


def _sent_id(raw: Raw) -> str | None:
    """The id of an event whose envelope is refused, as far as it can be read: it tells the partner which one it was."""
    try:
        for name, content in raw.headers:
            if name == "ce_id" and content is not None:
                return content.decode()
        event = loads(raw.value or b"")
    except (JsonError, UnicodeDecodeError):
        return None
    id = event.get("id") if isinstance(event, dict) else None
    return id if isinstance(id, str) else None
