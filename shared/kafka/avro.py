"""Reads Avro by a schema, as JSON: dates, times and decimals become texts. What the data may become is bounded."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared.kafka.value_bounds import DECIMAL_BYTES_MAX, BeyondBoundsError, Budget, varint

Reader = Callable[[bytes, int], bytes]
_LIMITLESS = 10**9
_FIXED_BYTES = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_NUMBERS = ("int", "long", "enum")


class AvroError(ValueError):
    """The text is no schema that can be used."""


def avro_reader(text: str, imported: Mapping[str, str]) -> Reader:
    """The reader of data of a schema, which is also told how many values they may have; `imported` are the texts of
    the schemas that it refers to, each after those that it needs itself. Raises AvroError."""
    import fastavro

    named: dict[str, Any] = {}
    try:
        for each in imported.values():
            fastavro.parse_schema(json.loads(each), named)
        parsed = fastavro.parse_schema(json.loads(text), named)
        most = _most(parsed, named, {})
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # the library raises whatever a text leads to that is no schema
        raise AvroError from None

    def read(data: bytes, values_max: int) -> bytes:
        if most > values_max and _Walk(data, named, Budget(values_max)).past(parsed, 0, 0) != len(data):
            raise ValueError("bytes are left over")
        rest = io.BytesIO(data)
        found = fastavro.schemaless_reader(rest, parsed, None)
        if rest.read(1):
            raise ValueError("bytes are left over")
        return msgspec.json.encode(found)

    return read


def _most(schema: Any, named: Mapping[str, Any], known: dict[str, int]) -> int:
    """How many values data of a schema can have at most; `_LIMITLESS` where the data decide. `known` are named types.
    One is limitless while it is being looked into: if it is met again then, it contains itself."""
    if isinstance(schema, list):
        return max((_most(each, named, known) for each in schema), default=0)
    if isinstance(schema, str):
        return known[schema] if schema in known else _most(named[schema], named, known) if schema in named else 1
    if schema["type"] in ("array", "map") or schema.get("logicalType") == "decimal":
        return _LIMITLESS
    if "fields" not in schema:
        return 1
    known[schema["name"]] = _LIMITLESS
    found = 1 + sum(_most(field["type"], named, known) for field in schema["fields"])
    known[schema["name"]] = min(found, _LIMITLESS)
    return known[schema["name"]]


class _Walk:
    """Goes through data without making anything of them."""

    def __init__(self, data: bytes, named: Mapping[str, Any], budget: Budget) -> None:
        self._data, self._named, self._budget = data, named, budget

    def past(self, schema: Any, at: int, level: int) -> int:
        """Where the data end that begin at `at` and are of this schema. Raises BeyondBoundsError, and ValueError or
        LookupError for data that are not of the schema."""
        if isinstance(schema, list):
            index, at = self._number(at)
            if index < 0:
                raise ValueError("no member of the union")
            return self.past(schema[index], at, level)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in self._named:
            return self.past(self._named[kind], at, level)
        self._budget.spend(1)
        if kind in _FIXED_BYTES:
            return at + _FIXED_BYTES[kind]
        if kind in _NUMBERS:
            return self._number(at)[1]
        if kind in ("array", "map"):
            return self._blocks(schema["values" if kind == "map" else "items"], at, level, keyed=kind == "map")
        if kind in ("bytes", "string", "fixed"):
            length, at = (schema["size"], at) if kind == "fixed" else self._number(at)
            return self._behind(schema, length, at)
        level = self._budget.enter(level)
        for field in schema["fields"]:
            at = self.past(field["type"], at, level)
        return at

    def _blocks(self, inner: Any, at: int, level: int, *, keyed: bool) -> int:
        level = self._budget.enter(level)
        while True:
            count, at = self._number(at)
            if count == 0:
                return at
            if count < 0:  # then the block says how many bytes it has, too
                _, at = self._number(at)
            for _ in range(abs(count)):
                at = self.past(inner, self.past("string", at, level) if keyed else at, level)

    def _behind(self, schema: Any, length: int, at: int) -> int:
        if not 0 <= length <= len(self._data) - at:
            raise ValueError("the data end too early")
        is_decimal = isinstance(schema, dict) and schema.get("logicalType") == "decimal"
        if is_decimal and length > DECIMAL_BYTES_MAX:
            raise BeyondBoundsError(f"A decimal number has at most {DECIMAL_BYTES_MAX} bytes.")
        return at + length

    def _number(self, at: int) -> tuple[int, int]:
        zigzag, at = varint(self._data, at)
        return (zigzag >> 1) ^ -(zigzag & 1), at
