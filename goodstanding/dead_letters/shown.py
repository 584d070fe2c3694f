"""What is shown of a record that was set aside: by default nothing that names anybody."""

from __future__ import annotations

from typing import Any

from aiokafka import ConsumerRecord

from goodstanding.dead_letters.letters import instant, texts_of
from shared.contracts import redriven
from shared.contracts.times import rfc3339
from shared.contracts.topics import NORMALIZED, RECORDS_CHANGED, RECORDS_REPORTED, SCORES_CHANGED

_ENVELOPE = ("specversion", "id", "source", "type", "time", "subject", "partitionkey", "origin", "index", "fieldnames")
_HEADERS = {"content-type", redriven.HEADER, *(f"ce_{name}" for name in _ENVELOPE)}
_OF_INGEST = ("id", "source", "type", "time", "origin", "index")
_TOLD = {
    NORMALIZED: _OF_INGEST,
    RECORDS_REPORTED: _OF_INGEST,
    # The id of a change or a score stands for the person.
    RECORDS_CHANGED: ("source", "type", "time"),
    SCORES_CHANGED: ("source", "type", "time"),
}
"""The attributes that name nobody. On a raw topic there are none: ingest has not looked at what the partner wrote."""


def described(record: ConsumerRecord) -> dict[str, Any]:
    """What may be said of a record where others can see it: no word of a partner's, nobody's name."""
    names = [name for name, _ in record.headers]
    texts = texts_of(record.headers)
    told = {name: printable(texts[f"ce_{name}"]) for name in _TOLD.get(record.topic, ()) if f"ce_{name}" in texts}
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "appended_at": rfc3339(instant(record)),
        "key_bytes": None if record.key is None else len(record.key),
        "value_bytes": None if record.value is None else len(record.value),
        "headers": [name for name in names if name in _HEADERS],
        "other_headers": sum(name not in _HEADERS for name in names),
        "attributes": told,
    }


def content(record: ConsumerRecord) -> dict[str, Any]:
    """All that the record says. It may name a person."""
    headers = [f"{printable(name)}: {printable(text) or ''}".rstrip() for name, text in record.headers]
    return {"key": printable(record.key), "headers": headers, "value": printable(record.value)}


def printable(text: bytes | str | None) -> str | None:
    """Nothing in it moves a terminal's cursor, and no byte is lost."""
    if text is None:
        return None
    text = text.decode(errors="backslashreplace") if isinstance(text, bytes) else text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
