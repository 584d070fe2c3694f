"""Values in the Confluent wire format: a zero byte, the number of a schema in a registry, and the data (decision 0034).

schemas.plain(value)      # JSON; raises SchemaMissingError until `fetch` has asked the registry

The registry is asked by the Confluent API, which Apicurio has as well (`http://.../apis/ccompat/v7`). A schema never
changes under its number, so each is asked for once.
"""

from __future__ import annotations

import asyncio
import io
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from shared.kafka.protobuf import ProtobufError, protobuf_reader

LIBRARIES = ("fastavro", "grpc_tools")
"""What the extra `registry` installs, by the names under which the readers import it."""
_FRAME_BYTES = 5
_REFERENCES_MAX = 100
_TIMEOUT_S = 5.0
_SCHEMAS_MAX = 10_000

Reader = Callable[[bytes], bytes]
"""From the data behind the frame to JSON. Raises whatever its library raises for data that do not fit."""


class SchemaMissingError(LookupError):
    """The schema is not known here yet."""


class SchemaError(ValueError):
    """The value cannot be read. `str()` is a sentence that says what to do."""


class Schemas:
    def __init__(self, registry: str) -> None:
        self._registry = registry.rstrip("/")
        self._readers: dict[int, Reader | SchemaError] = {}
        self._missing: set[int] = set()

    def plain(self, value: bytes | None) -> bytes | None:
        """The value as JSON. One without a frame is JSON already, and stays. Raises SchemaMissingError, SchemaError."""
        if not value or value[0] != 0:
            return value
        if len(value) < _FRAME_BYTES:
            raise SchemaError("The value begins as one with a schema, and ends before the schema's number.")
        number = int.from_bytes(value[1:_FRAME_BYTES])
        reader = self._readers.get(number)
        if reader is None:
            self._missing.add(number)
            raise SchemaMissingError
        if isinstance(reader, SchemaError):
            raise reader
        try:
            return reader(value[_FRAME_BYTES:])
        except MemoryError:
            raise  # the machine's fault, which says nothing about the data
        except Exception:  # noqa: BLE001  # the libraries raise whatever the damaged data lead to
            raise SchemaError("The data do not fit the schema whose number they have.") from None

    @property
    def are_missing(self) -> bool:
        return bool(self._missing)

    async def fetch(self) -> None:
        """Ask the registry for what is missing. Raises OSError where it does not answer."""
        while self._missing:
            number = next(iter(self._missing))
            found = await asyncio.to_thread(self._asked, number)
            if len(self._readers) >= _SCHEMAS_MAX:
                self._readers.clear()
            self._readers[number] = found
            self._missing.discard(number)

    def _asked(self, number: int) -> Reader | SchemaError:
        try:
            told = self._told(f"schemas/ids/{number}")
            imported: dict[str, str] = {}
            self._add_imported(told, imported)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return SchemaError("The registry has no schema with the number of this value.")
            raise
        except _TooManyError:
            return SchemaError(f"The schema refers to more than {_REFERENCES_MAX} others.")
        match told.get("schemaType", "AVRO"):
            case "AVRO":
                return avro_reader(told["schema"], imported)
            case "PROTOBUF":
                try:
                    return protobuf_reader(told["schema"], imported)
                except ProtobufError:
                    return _unusable("Protobuf")
            case "JSON":
                return bytes
            case other:
                return SchemaError(f"Values of {other} schemas are not read; send Avro, Protobuf or JSON.")

    def _add_imported(self, told: Mapping[str, Any], imported: dict[str, str]) -> None:
        """Add the texts of all schemas that this one refers to, by the names that it has for them; first those that
        others refer to. Raises HTTPError, _TooManyError."""
        for reference in told.get("references") or ():
            if reference["name"] in imported:
                continue
            if len(imported) == _REFERENCES_MAX:
                raise _TooManyError
            found = self._told(f"subjects/{quote(reference['subject'], safe='')}/versions/{reference['version']}")
            self._add_imported(found, imported)
            imported[reference["name"]] = found["schema"]

    def _told(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self._registry}/{what}", timeout=_TIMEOUT_S) as answer:
            return dict(json.load(answer))


class _TooManyError(ValueError):
    pass


def _unusable(language: str) -> SchemaError:
    return SchemaError(f"The registry's schema is no {language} schema that can be read.")


def avro_reader(text: str, imported: Mapping[str, str]) -> Reader | SchemaError:
    """The reader of data of a schema; `imported` are the texts of those that it refers to, each behind those that it
    needs. Dates, times and decimals become texts, as JSON has them."""
    import fastavro
    from fastavro.schema import SchemaParseException, UnknownType

    try:
        named: dict[str, Any] = {}
        for each in imported.values():
            fastavro.parse_schema(json.loads(each), named)
        parsed = fastavro.parse_schema(json.loads(text), named)
    except (SchemaParseException, UnknownType, ValueError, KeyError, TypeError):
        return _unusable("Avro")

    def read(data: bytes) -> bytes:
        rest = io.BytesIO(data)
        found = fastavro.schemaless_reader(rest, parsed, None)
        if rest.read(1):
            raise ValueError("bytes are left over")
        return msgspec.json.encode(found)

    return read
