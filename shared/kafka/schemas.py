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
from collections.abc import Callable
from typing import Any

import msgspec

_FRAME_BYTES = 5
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
        except Exception:  # noqa: BLE001 (fastavro raises whatever the damaged data lead to)
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
        address = f"{self._registry}/schemas/ids/{number}"
        try:
            with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return SchemaError("The registry has no schema with the number of this value.")
            raise
        if told.get("references"):
            return SchemaError("The schema refers to other schemas; register it with all of them in one.")
        match told.get("schemaType", "AVRO"):
            case "AVRO":
                return avro_reader(json.loads(told["schema"]))
            case "JSON":
                return bytes
            case other:
                return SchemaError(f"Values of {other} schemas are not read; send Avro or JSON.")


def avro_reader(schema: Any) -> Reader | SchemaError:
    """Dates, times and decimals become texts, as JSON has them."""
    import fastavro
    from fastavro.schema import SchemaParseException, UnknownType

    try:
        parsed = fastavro.parse_schema(schema)
    except (SchemaParseException, UnknownType, ValueError, KeyError, TypeError):
        return SchemaError("The registry's schema is no Avro schema that can be read.")

    def read(data: bytes) -> bytes:
        rest = io.BytesIO(data)
        found = fastavro.schemaless_reader(rest, parsed, None)
        if rest.read(1):
            raise ValueError("bytes are left over")
        return msgspec.json.encode(found)

    return read
