"""How much data of a schema may become is bounded before a library reads them, because partners choose schemas."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from shared.kafka.avro import avro_reader
from shared.kafka.protobuf import protobuf_reader
from shared.kafka.value_bounds import DECIMAL_BYTES_MAX, EVENT_VALUES_MAX, LEVELS_MAX, BeyondBoundsError

_TOO_MANY = EVENT_VALUES_MAX * 2 + 2
Read = Callable[[bytes], bytes]


def _number(number: int) -> bytes:
    """As Protobuf writes it; Avro writes twice the number so."""
    written = b""
    while number > 0x7F:
        written += bytes([number & 0x7F | 0x80])
        number >>= 7
    return written + bytes([number])


# -- Avro --------------------------------------------------------------------------------------------------------------


def _avro(*fields: Any) -> Read:
    read = avro_reader(json.dumps(_record("All", *fields)), {})
    return lambda data: read(data, EVENT_VALUES_MAX)


def _record(name: str, *types: Any) -> dict[str, Any]:
    fields = [{"name": f"f{index}", "type": each} for index, each in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


_DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
_SEVERAL = _array(_record("One", *[["null", "string"]] * 8))
_LAUGHS = [_record("L0", "null", "null"), *[_record(f"L{n}", *[f"L{n - 1}"] * 16) for n in range(1, 8)]]


@pytest.mark.parametrize(
    ("read", "data", "words"),
    [
        pytest.param(_avro(["null", "All"]), b"\x02" * 60_000 + b"\0", "nested", id="a record within itself"),
        pytest.param(_avro(_array("All")), b"\x02" * 60_000, "nested", id="an array within itself"),
        pytest.param(_avro(_array("null")), _number(2**62) + b"\0", "values", id="an array of nothing"),
        pytest.param(_avro(_array("null")), b"\x01\x02" * _TOO_MANY + b"\0", "values", id="in blocks with their bytes"),
        pytest.param(_avro({"type": "map", "values": "null"}), _number(2**62) + b"\0" * 60_000, "values", id="a map"),
        pytest.param(_avro(_SEVERAL), _number(_TOO_MANY) + b"\0" * 60_000, "values", id="many optional fields"),
        pytest.param(_avro(*_LAUGHS), b"", "values", id="records of records of records"),
        pytest.param(_avro(_DECIMAL), _number(120_000) + b"\x7f" * 60_000, "decimal", id="a number of minutes"),
        pytest.param(
            _avro({**_DECIMAL, "type": "fixed", "name": "F", "size": 65}), b"\0" * 65, "decimal", id="a fixed number"
        ),
    ],
)
def test_avro_that_would_become_too_much(read: Read, data: bytes, words: str) -> None:
    with pytest.raises(BeyondBoundsError, match=words):
        read(data)


_TREE = {
    "type": "record",
    "name": "Tree",
    "fields": [
        {"name": "flag", "type": "boolean"},
        {"name": "ratios", "type": _array(["null", "float", "double"])},
        {"name": "count", "type": "long"},
        {"name": "what", "type": {"type": "enum", "name": "What", "symbols": ["a", "b"]}},
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 3}},
        {"name": "paid", "type": _DECIMAL},
        {"name": "names", "type": {"type": "map", "values": {"type": "long", "logicalType": "timestamp-millis"}}},
        {"name": "again", "type": ["null", "Code", "What"]},
        {"name": "below", "type": _array("Tree")},
    ],
}


def _tree(levels: int) -> dict[str, Any]:
    below = [_tree(levels - 1)] * 2 if levels else []
    return {
        "flag": True,
        "ratios": [None, 0.5, 1e300],
        "count": -(2**63),
        "what": "b",
        "code": b"abc",
        "paid": Decimal("12.50"),
        "names": {"ä": 0, "": 1_700_000_000_000},
        "again": b"xyz",
        "below": below,
    }


def test_all_that_avro_can_say_is_read_within_the_bounds() -> None:
    written = io.BytesIO()
    fastavro.schemaless_writer(written, fastavro.parse_schema(_TREE, {}), _tree(3))
    data = written.getvalue()
    read = avro_reader(json.dumps(_TREE), {})
    found = json.loads(read(data, EVENT_VALUES_MAX))
    assert [tree["paid"] for tree in _trees(found)] == ["12.50"] * 15
    assert found["names"] == {"ä": "1970-01-01T00:00:00Z", "": "2023-11-14T22:13:20Z"}
    with pytest.raises(BeyondBoundsError):
        read(data, 100)
    for damaged in (data[:-1], data + b"\0"):
        with pytest.raises((ValueError, LookupError, EOFError)):
            read(damaged, EVENT_VALUES_MAX)


def _trees(tree: dict[str, Any]) -> list[dict[str, Any]]:
    return [tree, *(each for below in tree["below"] for each in _trees(below))]


def test_a_decimal_may_have_as_many_bytes_as_any_amount() -> None:
    data = _number(DECIMAL_BYTES_MAX * 2) + b"\0" * (DECIMAL_BYTES_MAX - 1) + b"\x01"
    assert json.loads(_avro(_DECIMAL)(data)) == {"f0": "0.01"}


# -- Protobuf ----------------------------------------------------------------------------------------------------------

_SCHEMA = """syntax = "proto2"; package all;
import "google/protobuf/any.proto";
import "google/protobuf/struct.proto";
message All {
  repeated One ones = 1;
  optional All below = 2;
  repeated int32 numbers = 3 [packed = true];
  repeated string words = 4;
  optional google.protobuf.Any any = 5;
  optional google.protobuf.Struct free = 6;
  repeated group Many = 7 { optional int32 a = 1; optional One one = 2; }
  optional fixed64 eight = 8;
  optional float four = 9;
}
message One { optional int64 a = 1; optional string b = 2; optional int64 c = 3; optional int64 d = 4; }
"""


@pytest.fixture(scope="module")
def proto() -> Read:
    read = protobuf_reader(_SCHEMA, {})
    return lambda data: read(b"\0" + data, EVENT_VALUES_MAX)


def _nested(levels: int) -> bytes:
    data = b""
    for _ in range(levels):
        data = b"\x12" + _number(len(data)) + data
    return data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"\x0a\x00" * 30_000, "values", id="many messages of defaults"),
        pytest.param(b"\x12\xe0\xd4\x03" + b"\x0a\x00" * 30_000, "values", id="within another"),
        pytest.param(b"\x1a\xe0\xd4\x03" + b"\x00" * 60_000, "values", id="packed numbers"),
        pytest.param(b"\x22\x00" * 30_000, "values", id="empty texts"),
        pytest.param(b"\x3b\x3c" * 30_000, "values", id="groups"),
        pytest.param(_nested(LEVELS_MAX), "nested", id="a message within itself"),
    ],
)
def test_protobuf_that_would_become_too_much(proto: Read, data: bytes, words: str) -> None:
    with pytest.raises(BeyondBoundsError, match=words):
        proto(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x2a\x00",  # what is in an Any is of a schema that the data choose
        b"\x3b\x08\x01",  # a group that does not end
        b"\x3c",  # one that did not begin
        b"\x0a\x05\x08\x01",  # ends within a message
        b"\x41\x00",  # within eight bytes
        b"\x0f",  # no form of a field
    ],
)
def test_protobuf_that_is_no_message_raises(proto: Read, data: bytes) -> None:
    with pytest.raises(ValueError, match=r"another schema|too early|no form|no number"):
        proto(data)


def test_all_that_protobuf_can_say_is_read_within_the_bounds(proto: Read) -> None:
    one = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x01x"
    data = (
        (b"\x0a" + _number(len(one)) + one)
        + _nested(5)
        + b"\x1a\x02\x01\x02\x22\x01w"
        + b"\x32\x0b\x0a\x09\x0a\x01k\x12\x04\x1a\x02ok"
        + b"\x3b\x08\x07\x3c"
        + b"\x41\x01\x00\x00\x00\x00\x00\x00\x00\x4d\x00\x00\x80\x3f"
    )
    said = json.loads(proto(data))
    below = said.pop("below")
    assert said == {
        "ones": [{"a": "-1", "b": "x"}],
        "numbers": [1, 2],
        "words": ["w"],
        "free": {"k": "ok"},
        "many": [{"a": 7}],
        "eight": "1",
        "four": 1.0,
    }
    assert json.dumps(below).count("below") == 4
