"""The one way in: a partner's raw event becomes a normalized event, or one refusal that says what to send instead."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from services.ingest.core.fields import names_person
from services.ingest.core.judged import SKIPPED
from services.ingest.core.judged import Judged as Judged
from services.ingest.core.judged import Normalized as Normalized
from services.ingest.core.judged import Raw as Raw
from services.ingest.core.judged import Refused as Refused
from services.ingest.core.judged import Skipped as Skipped
from services.ingest.core.mapping import ANY
from services.ingest.core.members import EVENTS_MAX, members_of
from services.ingest.core.partner import Partner, Reading
from services.ingest.core.plausibility import EVENT, judge_time
from services.ingest.core.proportion import out_of_proportion, too_dense
from services.ingest.core.readers import listed
from services.ingest.core.tables import BLANKS, Csv
from services.ingest.core.tree import Flat, Refuse, demographic, flatten, object_, printable, refused
from shared.contracts import cloudevents
from shared.contracts.cloudevents import EVENT_BYTES_MAX, LIST_BYTES_MAX
from shared.contracts.exchange import AHEAD_MAX
from shared.contracts.faults import Code, Fault
from shared.contracts.fields import ID_CHARACTERS_MAX
from shared.contracts.identity import tells
from shared.contracts.strict_json import JsonError, loads
from shared.contracts.texts import TextError, is_plain, one_form

_SUBJECT = {"subject"}


def normalize(partner: Partner, raw: Raw, arrived: datetime) -> Judged:
    """What this partner's event says; `arrived` (UTC) is what "in the future" is judged by. Never raises. For a partner
    whose messages have one event each."""
    flat: Flat = {"@latest": arrived + AHEAD_MAX}
    try:
        return _bare(partner, raw, flat) if partner.bare else _enveloped(partner, raw, flat)
    except Exception as error:  # noqa: BLE001  # whatever it is, the partner gets an answer
        return _refusal(error, partner, flat, raw)


def normalize_each(partner: Partner, raw: Raw, arrived: datetime, packed: int | None = None) -> Refused | list[Judged]:
    """What each event of a message says, for a partner whose messages have several; or why the message as a whole is
    refused. Each is judged apart (rules E21). Never raises.

    `packed` is in how many bytes the value came, where it may have been compressed.
    """
    assert partner.several is not None
    digests: dict[str, int] = {}
    packed = len(raw.value or b"") if packed is None else packed
    try:
        value = _value(raw, LIST_BYTES_MAX)
        bodies = list(_rows(partner, value) if partner.table else members_of(partner.several.path, _json(value)))
        if fault := too_dense(len(bodies), packed):
            raise refused(fault)
        found = [_member(partner, body, {"@latest": arrived + AHEAD_MAX, "@digests": digests}) for body in bodies]
        if fault := out_of_proportion(found, packed):
            raise refused(fault)
        return found
    except Exception as error:  # noqa: BLE001  # whatever it is, the partner gets an answer
        return _refusal(error, partner, {})


def judged(partner: Partner, raw: Raw, arrived: datetime) -> list[Judged]:
    """What each event of a message says, of any partner; one refusal for a message that is refused as a whole."""
    if partner.several is None:
        return [normalize(partner, raw, arrived)]
    found = normalize_each(partner, raw, arrived)
    return [found] if isinstance(found, Refused) else found


def _member(partner: Partner, body: dict[str, Any] | Refuse, flat: Flat) -> Judged:
    try:
        if isinstance(body, Refuse):
            raise body
        return _of_body(partner, body, flat)
    except Exception as error:  # noqa: BLE001  # whatever it is, the partner gets an answer
        return _refusal(error, partner, flat)


def _rows(partner: Partner, value: bytes) -> Iterable[dict[str, Any] | Refuse]:
    assert isinstance(partner.table, Csv)
    return partner.table.rows(value, EVENTS_MAX)


_UNPROCESSABLE = Fault(
    Code.UNPROCESSABLE,
    "",
    "The event cannot be processed, and no rule says why: the fault is ours. Tell the operator its position, and send"
    " it again once the fault is mended.",
)


def _refusal(error: Exception, partner: Partner, flat: Flat, raw: Raw | None = None) -> Refused:
    """The answer to an event whose reading ended with this error, by as much of it as was read; what is a fault of ours
    is a line for the operator too. `raw` is given where the event's id may still be told from it. Raises MemoryError,
    which is the machine's fault, and says nothing about the event."""
    id: str | None = flat.get("@id")
    if isinstance(error, MemoryError):
        raise error
    if isinstance(error, Refuse):
        return Refused(_in_their_words(error.fault, partner, flat), id or (_sent_id(raw) if raw else None))
    return Refused(_UNPROCESSABLE, id, _bug(error))


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


def _enveloped(partner: Partner, raw: Raw, flat: Flat) -> Normalized | Skipped:
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
    body = object_(event.data, "data")
    if partner.others and _is_skipped(partner, flat, body):
        return SKIPPED
    reading = _reading(partner, flat, body)
    _flatten(reading, body, flat, "data.")
    return _event(partner, reading, flat)


def _one_form(id: str) -> str:
    try:
        return one_form(id, ID_CHARACTERS_MAX)
    except TextError as error:
        raise Refuse(error.code, "@id", error.sentence) from None


def _bare(partner: Partner, raw: Raw, flat: Flat) -> Normalized | Skipped:
    value = _value(raw)
    table = partner.table
    return _of_body(partner, object_(_json(value), "") if table is None else table.one(value), flat)


def _of_body(partner: Partner, body: dict[str, Any], flat: Flat) -> Normalized | Skipped:
    """An event without an envelope: its id and time are among the values."""
    bare, table = partner.bare, partner.table
    assert bare is not None
    flat["@prefix"] = ""
    if table is not None:
        flat.update(body)
    if partner.others and _is_skipped(partner, flat, body):
        return SKIPPED
    if table is None:
        for path, found in bare.id_parts:
            flat[path] = found(body)
    flat["@id"] = bare.id(flat)
    reading = _reading(partner, flat, body)
    if table is None:
        _flatten(reading, body, flat, "")
    flat["@time"] = bare.time(flat)
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
    reading: Reading | None
    try:
        reading = partner.readings[words]
    except (KeyError, TypeError):  # objects and lists cannot be looked up
        reading = _other(partner, words)
    if reading.fault is not None:
        raise Refuse(reading.fault.code, partner.words[-1].label, reading.fault.sentence)
    return reading


def _other(partner: Partner, words: tuple[Any, ...]) -> Reading:
    for other in partner.others:
        if other.reading is not None and other.fits(words):
            return other.reading
    raise _unknown_kind(partner, words) from None


def _is_skipped(partner: Partner, flat: Flat, body: dict[str, Any]) -> bool:
    """Whether the kind is one that is passed over; then nothing else of the event is read (rules E20)."""
    words = tuple([word.read(flat, body) for word in partner.words])
    if not all(word is None or type(word) is str for word in words) or words in partner.readings:
        return False
    found = next((other for other in partner.others if other.fits(words)), None)
    return found is not None and found.reading is None


_PADDED = (
    "The word has blanks around it, perhaps ones that do not break; have the mapping say `codes = { trim = true }`. "
)


def _unknown_kind(partner: Partner, words: tuple[Any, ...]) -> Refuse:
    """Names the first word that no code has after the words before it."""
    codes = [*partner.readings, *[other.code for other in partner.others if other.reading is not None]]
    for index, (word, value) in enumerate(zip(partner.words, words, strict=True)):
        before = [code for code in codes if all(map(_is_word, code[:index], words))]
        known = dict.fromkeys(code[index] for code in before)
        if ANY in known or (value is None and "" in known):
            continue
        if value is None:
            return Refuse(Code.MISSING_FIELD, word.label, word.absent)
        if type(value) is not str:
            return Refuse(Code.WRONG_TYPE, word.label, "Send a text here.")
        if value not in known:
            if word.is_made:
                code_of = "/".join((*before[0][:index], value))
                sentence = f"The mapping has no kind for `{code_of}`; name it there under `kinds`, or under `skip`."
                return Refuse(Code.UNKNOWN_KIND, word.label, sentence)
            code = Code.ENVELOPE_TYPE if word.path == "@type" else Code.UNKNOWN_KIND
            padded = _PADDED if value[:ID_CHARACTERS_MAX].strip(BLANKS) in known else ""
            return Refuse(code, word.label, f"{padded}Send one of: {listed(filter(None, known))}.")
    raise AssertionError("called only for words that are no code")


def _is_word(mine: str, theirs: Any) -> bool:
    """Whether a word of a code fits the event's."""
    return mine == ANY or mine == ("" if theirs is None else theirs)


# From bytes to values.


def _value(raw: Raw, bytes_max: int = EVENT_BYTES_MAX) -> bytes:
    if fault := cloudevents.too_large(raw.key, raw.value, raw.headers, bytes_max):
        raise refused(fault)
    if raw.value is None:
        raise Refuse(Code.VALUE_MISSING, "", "The record has no value; send the event as its value.")
    return raw.value


def _json(value: bytes) -> Any:
    try:
        return loads(value)
    except JsonError as error:
        raise Refuse(error.code, "", error.sentence) from None


def _flatten(reading: Reading, body: dict[str, Any], flat: Flat, prefix: str) -> None:
    try:
        flatten(reading.tree, body, flat, prefix)
    except Refuse:
        # A demographic field is reported before any other fault of the body's fields (rules E9).
        if fault := demographic(body, prefix):
            raise refused(fault) from None
        raise


def _sent_id(raw: Raw) -> str | None:
    """The id of an event whose envelope is refused, as far as it can be read: it tells the partner which one it was."""
    try:
        for name, content in raw.headers:
            if name == "ce_id" and content is not None:
                return content.decode()
        if cloudevents.too_large(raw.key, raw.value, raw.headers):
            # Empty lists have thirty times their bytes in memory, and a record may have 16 MiB when unpacked.
            return None
        event = loads(raw.value or b"")
    except (JsonError, UnicodeDecodeError):
        return None
    id = event.get("id") if isinstance(event, dict) else None
    return id if isinstance(id, str) else None
