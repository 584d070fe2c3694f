"""The envelope of an event: its attributes, their bounds, and the short way to one that is surely in order.

Nearly every envelope is in order. `sure_envelope` judges it as a whole; what it does not take is looked at attribute
by attribute in `envelope_faults`, which alone decides what is wrong. So the two can differ in time only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Literal

import msgspec

from shared.contracts.fields import ID_CHARACTERS_MAX
from shared.contracts.times import TimeError, instant

Headers = Sequence[tuple[str, bytes | None]]
"""The headers of a Kafka record. A client may send null; aiokafka's types do not say so."""

ATTRIBUTE_CHARACTERS_MAX = 1024
PREFIX: Literal["ce_"] = "ce_"
"""What stands before the name of an attribute in a header."""
CONTENT_TYPE = "content-type"
JSON = "application/json"
REQUIRED = ("id", "source", "type", "time")
NAME = re.compile(r"[a-z0-9]+")
_URI = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


class Envelope(msgspec.Struct, frozen=True):
    """The attributes of an event. `time` is in UTC; `extensions` holds all attributes that are not named here."""

    id: str
    source: str
    type: str
    time: datetime
    partitionkey: str | None
    extensions: Mapping[str, str]


@lru_cache(maxsize=1024)
def is_uri(text: str) -> bool:
    return bool(_URI.fullmatch(text))


class _Layout(msgspec.Struct, frozen=True):
    """Where the attributes stand among the names of an envelope: numbers of headers, or of an object's members."""

    required: Callable[[Sequence[str]], tuple[str, str, str, str, str]]
    """Picks `specversion`, `id`, `source`, `type` and `time`."""
    content_type: int | None
    partitionkey: int | None
    extensions: tuple[tuple[str, int], ...]


# Strangers choose the names, which can be as long as an event, so that few are remembered.
@lru_cache(maxsize=128)
def _layout(names: tuple[str, ...], prefix: str) -> _Layout | None:
    """None for names that have to be looked at one by one: one is missing, there twice, or none of an attribute."""
    indices = {name[len(prefix) :]: index for index, name in enumerate(names) if name.startswith(prefix)}
    content_type = indices.pop("datacontenttype", None)
    if prefix:
        if content_type is not None:
            return None  # in binary mode a header without prefix says it
        content_type = names.index(CONTENT_TYPE) if CONTENT_TYPE in names else None
    if len(set(names)) < len(names) or not indices.keys() >= _ENOUGH or not indices.keys().isdisjoint(_UNUSUAL):
        return None
    if not all(map(NAME.fullmatch, indices)):
        return None
    required = [indices.pop(name) for name in ("specversion", *REQUIRED)]
    return _Layout(itemgetter(*required), content_type, indices.pop("partitionkey", None), tuple(indices.items()))


_ENOUGH = {"specversion", *REQUIRED}
_UNUSUAL = ("data", "dataschema")


def sure_envelope(key: bytes | None, names: tuple[str, ...], texts: list[str], prefix: str) -> Envelope | None:
    """The envelope of these attributes, or of headers with them, if it is surely in order; None if it may not be.

    `names` and `texts` belong together one by one; `prefix` is what the sender writes before an attribute's name.
    Headers of others may be among them. Raises TypeError if a member of `texts` is not a text.
    """
    layout, joined = _layout(names, prefix), "".join(texts)
    if layout is None or not joined.isprintable() or len(joined) > ATTRIBUTE_CHARACTERS_MAX or "" in texts:
        return None
    version, id, source, type, time = layout.required(texts)
    if version != "1.0" or len(id) > ID_CHARACTERS_MAX or not is_uri(source):
        return None
    if layout.content_type is not None and texts[layout.content_type] != JSON:
        return None
    partitionkey = None
    if layout.partitionkey is not None:
        partitionkey = texts[layout.partitionkey]
        if partitionkey.encode() != key:
            return None
    try:
        at = instant(time)
    except TimeError:
        return None
    return Envelope(id, source, type, at, partitionkey, {name: texts[index] for name, index in layout.extensions})
