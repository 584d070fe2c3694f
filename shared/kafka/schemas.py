"""Values in the Confluent wire format: a zero byte, the number of a schema in a registry, and the data (decision 0034).

schemas.plain(value, values_max, sender)    # JSON; raises SchemaMissingError until `fetch` has asked the registry

The registry is asked by the Confluent API, which Apicurio has as well (`http://.../apis/ccompat/v7`). A schema never
changes under its number, so each is asked for once. A number that the registry does not have may be given to a schema
later, so it is asked for again; how often in a minute is bounded for each sender, whatever it sends.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from shared.kafka.avro import AvroError, avro_reader
from shared.kafka.protobuf import ProtobufError, protobuf_reader
from shared.kafka.value_bounds import BeyondBoundsError

LIBRARIES = ("fastavro", "grpc_tools")
"""What the extra `registry` installs, by the names under which the readers import it."""
_FRAME_BYTES = 5
_REFERENCES_MAX = 100
_TIMEOUT_S = 5.0
_SCHEMAS_MAX = 10_000
_UNKNOWN_FOR_S = 60.0
"""How long nobody asks again for a number that the registry does not have."""
_UNKNOWN_MAX = 20
"""So many of one sender's numbers may be unknown meanwhile; further ones are not asked for. Each question stops a shard
for its time, and a sender can name four billion numbers. Of a new schema's number one is enough."""

_OF_THE_MOMENT = {401, 403, 407, 408, 425, 429}
"""Answers of a registry that say nothing about the schema's number: another time, or its operator, changes them."""

Reader = Callable[[bytes, int], bytes]
"""From the data behind the frame, and how many values they may have, to JSON. Raises BeyondBoundsError, and whatever
its library raises for data that do not fit."""


class SchemaMissingError(LookupError):
    """The schema is not known here yet."""


class SchemaError(ValueError):
    """The value cannot be read. `str()` is a sentence that says what to do."""


class _Unusable(NamedTuple):
    """What stands in the place of a reader: no error that is raised again and again, since each time adds to it."""

    sentence: str


class Schemas:
    def __init__(self, registry: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry.rstrip("/")
        self._clock_s = clock_s
        self._readers: dict[int, Reader | _Unusable] = {}
        self._missing: dict[int, str] = {}
        """The numbers to ask for, each with who has sent it."""
        self._unknown: dict[str, dict[int, float]] = {}
        """By sender: numbers that the registry does not have, the oldest first, and until when it is taken for that."""

    def plain(self, value: bytes | None, values_max: int, sender: str) -> bytes | None:
        """The value as JSON. One without a frame is JSON already, and stays. Raises SchemaMissingError, and SchemaError
        for what cannot be read, or has more values than it may."""
        if not value or value[0] != 0:
            return value
        if len(value) < _FRAME_BYTES:
            raise SchemaError("The value begins as one with a schema, and ends before the schema's number.")
        number = int.from_bytes(value[1:_FRAME_BYTES])
        reader = self._readers.get(number)
        if reader is None:
            self._check_unknown(number, sender)
            self._missing[number] = sender
            raise SchemaMissingError
        if isinstance(reader, _Unusable):
            raise SchemaError(reader.sentence)
        try:
            return reader(value[_FRAME_BYTES:], values_max)
        except MemoryError:
            raise  # the machine's fault, which says nothing about the data
        except BeyondBoundsError as error:
            raise SchemaError(str(error)) from None
        except Exception:  # noqa: BLE001  # the libraries raise whatever the damaged data lead to
            raise SchemaError("The data do not fit the schema whose number they have.") from None

    def _check_unknown(self, number: int, sender: str) -> None:
        """Raises SchemaError for a number that the registry need not be asked for now."""
        unknown = self._unknown.get(sender)
        if unknown is None:
            return
        now_s = self._clock_s()
        while unknown and unknown[oldest := next(iter(unknown))] <= now_s:
            del unknown[oldest]
        if number in unknown:
            raise SchemaError("The registry has no schema with the number of this value.")
        if len(unknown) >= _UNKNOWN_MAX:
            raise SchemaError(
                f"The registry had no schema with the numbers of {_UNKNOWN_MAX} other values of yours in the last "
                "minute, and was not asked for this one. Send it again later."
            )

    @property
    def are_missing(self) -> bool:
        return bool(self._missing)

    async def fetch(self) -> None:
        """Ask the registry for what is missing. Raises OSError where it does not answer."""
        while self._missing:
            number, sender = next(iter(self._missing.items()))
            found = await asyncio.to_thread(self._asked, number)
            if found is None:
                unknown = self._unknown.setdefault(sender, {})
                unknown.pop(number, None)  # another shard has asked too; the oldest stays the first
                unknown[number] = self._clock_s() + _UNKNOWN_FOR_S
            else:
                if len(self._readers) >= _SCHEMAS_MAX:
                    self._readers.clear()
                self._readers[number] = found
            self._missing.pop(number, None)

    def _asked(self, number: int) -> Reader | _Unusable | None:
        """None where the registry has no such schema."""
        try:
            told = self._told(f"schemas/ids/{number}")
            imported = dict(self._referred(told, set()))
        except urllib.error.HTTPError as error:
            if error.code >= 500 or error.code in _OF_THE_MOMENT:
                raise
            # Some registries answer 400, and not 404, to a number that is larger than any of theirs can be.
            return None
        except _TooManyError:
            return _Unusable(f"The schema refers to more than {_REFERENCES_MAX} others.")
        match told.get("schemaType", "AVRO"):
            case "AVRO":
                try:
                    return avro_reader(told["schema"], imported)
                except AvroError:
                    return _unusable("Avro")
            case "PROTOBUF":
                try:
                    return protobuf_reader(told["schema"], imported)
                except ProtobufError:
                    return _unusable("Protobuf")
            case "JSON":
                return _json
            case other:
                return _Unusable(f"Values of {other} schemas are not read; send Avro, Protobuf or JSON.")

    def _referred(self, told: Mapping[str, Any], names: set[str]) -> Iterator[tuple[str, str]]:
        """The names and texts of all schemas that this one refers to, each after those that it refers to itself. Two
        that refer to each other are each given once. Raises HTTPError, _TooManyError."""
        for reference in told.get("references") or ():
            name = reference["name"]
            if name in names:
                continue
            if len(names) == _REFERENCES_MAX:
                raise _TooManyError
            names.add(name)
            found = self._told(f"subjects/{quote(reference['subject'], safe='')}/versions/{reference['version']}")
            yield from self._referred(found, names)
            yield name, found["schema"]

    def _told(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._registry}/{what}", timeout=_TIMEOUT_S) as answer:
            return dict(json.load(answer))


class _TooManyError(ValueError):
    pass


def _json(data: bytes, _values_max: int) -> bytes:
    """What is JSON already is bounded by its reader."""
    return data


def _unusable(language: str) -> _Unusable:
    return _Unusable(f"The registry's schema is no {language} schema that can be read.")
