"""Values with a schema, without a registry that is one: what the readers make of bytes, and what is asked for.

`tests/integration/test_registry.py` does the same with a real Apicurio.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import fastavro
import pytest

from shared.kafka.protobuf import ProtobufError, indexes, protobuf_reader
from shared.kafka.schemas import SchemaError, SchemaMissingError, Schemas
from shared.kafka.value_bounds import EVENT_VALUES_MAX

_MONEY = 'syntax = "proto3"; package money; message Sum { int64 cents = 1; string currency = 2; }'
_RIDES = """syntax = "proto3"; package rides;
import "google/protobuf/timestamp.proto";
import "money/sum.proto";
message Ping { string at = 1; message Inner { int32 number = 1; } }
message Ride {
  string id = 1;
  google.protobuf.Timestamp started_at = 2;
  enum What { UNKNOWN = 0; TRIP = 1; }
  What what = 3;
  int32 days_late = 4;
  optional int32 items = 5;
  money.Sum fare = 6;
  repeated string tags = 7;
}
"""
_IMPORTED = {"money/sum.proto": _MONEY}
_DEFAULTS = {"what": "UNKNOWN", "days_late": 0, "tags": []}
# Fields 1, 2, 3, 4 and 6 of a ride: "r-1", 2026-03-20T11:49:20Z, TRIP, 3, 1250 cents.
_RIDE = b"\x0a\x03r-1\x12\x06\x08\xc0\xe8\xf4\xcd\x06\x18\x01\x20\x03\x32\x03\x08\xe2\x09"


@pytest.fixture(scope="module")
def ride() -> Any:
    return protobuf_reader(_RIDES, _IMPORTED)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"\x02\x02" + _RIDE,
            {
                "id": "r-1",
                "started_at": "2026-03-20T11:49:20Z",
                "what": "TRIP",
                "days_late": 3,
                "fare": {"cents": "1250"},
                "tags": [],
            },
        ),
        (b"\x02\x02", _DEFAULTS),
        (b"\x02\x02\x0a\x00", _DEFAULTS),  # an empty text says nothing
        (b"\x02\x02\x28\x00", {**_DEFAULTS, "items": 0}),  # a zero that was sent
        (b"\x00\x0a\x01x", {"at": "x"}),  # one zero byte is the first message
        (b"\x02\x00\x0a\x01x", {"at": "x"}),  # which some write in full
        (b"\x01\x00\x0a\x01x", {"at": "x"}),  # or in plain numbers
        (b"\x01\x01\x0a\x01x", {"id": "x", **_DEFAULTS}),
        (b"\x04\x00\x00\x08\x07", {"number": 7}),  # a message in a message
    ],
)
def test_protobuf_is_read_as_its_json(ride: Any, data: bytes, said: object) -> None:
    assert json.loads(ride(data, EVENT_VALUES_MAX)) == said


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02",  # the index is missing
        b"\x02\x01",  # no zigzag number
        b"\x02\x04\x0a\x01x",  # there is no third message
        b"\x02\x02\x0a\x09x",  # ends within a text
        b"\x02\x02\x7a\x01x",  # field 15, which the schema does not have
        b"\x02\x02\x32\x03\x1a\x01x",  # and one in a message of a message
        b"\xff\xff\xff\xff\xff\x00",
        b"\xfe\x03" + b"\0" * 300,
    ],
)
def test_protobuf_that_does_not_fit_raises(ride: Any, data: bytes) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011  # whatever the library raises; Schemas makes one refusal of all
        ride(data, EVENT_VALUES_MAX)


def test_the_indices_of_a_message() -> None:
    assert indexes(b"\x00abc") == ((0,), b"abc")
    assert indexes(b"\x06\x02\x00\x80\x02abc") == ([1, 0, 128], b"abc")


@pytest.mark.parametrize(
    ("text", "imported"),
    [
        ("message Ride {", {}),
        ('syntax = "proto3"; import "money/sum.proto"; message Ride { money.Sum sum = 1; }', {}),
        ('syntax = "proto3"; import "../a.proto"; message Ride { string id = 1; }', {"../a.proto": _MONEY}),
        ('syntax = "proto3"; import "/tmp/a.proto"; message Ride { string id = 1; }', {"/tmp/a.proto": _MONEY}),
    ],
)
def test_a_text_that_is_no_schema(text: str, imported: dict[str, str]) -> None:
    with pytest.raises(ProtobufError):
        protobuf_reader(text, imported)


# -- what the registry is asked ----------------------------------------------------------------------------------------

_FARE = {"type": "record", "name": "Fare", "fields": [{"name": "cents", "type": "long"}]}
_AVRO = {
    "type": "record",
    "name": "Ride",
    "fields": [{"name": "id", "type": "string"}, {"name": "fare", "type": "Fare"}],
}
_ANSWERS = {
    "/schemas/ids/1": {
        "schemaType": "PROTOBUF",
        "schema": _RIDES,
        "references": [{"name": "money/sum.proto", "subject": "money/sum.proto", "version": 2}],
    },
    "/subjects/money/sum.proto/versions/2": {"schemaType": "PROTOBUF", "schema": _MONEY},
    "/schemas/ids/2": {
        "schema": json.dumps(_AVRO),
        "references": [{"name": "Fare", "subject": "fare", "version": 1}],
    },
    "/subjects/fare/versions/1": {"schema": json.dumps(_FARE)},
    "/schemas/ids/3": {"schemaType": "JSON", "schema": "{}"},
    "/schemas/ids/4": {"schemaType": "THRIFT", "schema": ""},
    "/schemas/ids/5": {"schemaType": "PROTOBUF", "schema": "message"},
    "/schemas/ids/6": {"schema": "[]]"},
    "/schemas/ids/7": {
        "schema": "{}",
        "references": [{"name": f"n{index}", "subject": "fare", "version": 1} for index in range(101)],
    },
    "/schemas/ids/9": {"schema": '"int"', "references": [{"name": "a", "subject": "a", "version": 1}]},
    "/subjects/a/versions/1": {"schema": '"int"', "references": [{"name": "b", "subject": "b", "version": 1}]},
    "/subjects/b/versions/1": {"schema": '"int"', "references": [{"name": "a", "subject": "a", "version": 1}]},
    "/schemas/ids/10": {"schema": '{"type":' * 100_000},
    "/schemas/ids/11": {"schema": '{"type": "array", "items": {"type": "fixed"}}'},
    "/schemas/ids/12": {
        "schemaType": "PROTOBUF",
        "schema": "",
        "references": [{"name": name, "subject": "fare", "version": 1} for name in ("a", "a/b")],
    },
    "/schemas/ids/13": {
        "schemaType": "PROTOBUF",
        "schema": "",
        "references": [{"name": "a" * 300, "subject": "fare", "version": 1}],
    },
}
_ASKED: list[str] = []
"""What the registry was asked for."""
_STATUSES = {"/schemas/ids/4294967295": 400, "/schemas/ids/500": 500, "/schemas/ids/401": 401}


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _ASKED.append(self.path)
            found = _ANSWERS.get(unquote(self.path))
            self.send_response(200 if found else _STATUSES.get(self.path, 404))
            self.end_headers()
            self.wfile.write(json.dumps(found or {"error_code": 40403}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def _framed(number: int, data: bytes) -> bytes:
    return b"\0" + number.to_bytes(4) + data


async def _plain(registry: str, value: bytes) -> bytes | None:
    schemas = Schemas(registry)
    with pytest.raises(SchemaMissingError):
        schemas.plain(value, EVENT_VALUES_MAX, "rides")
    await schemas.fetch()
    return schemas.plain(value, EVENT_VALUES_MAX, "rides")


async def test_schemas_with_those_that_they_refer_to(registry: str) -> None:
    ride = io.BytesIO()
    named: dict[str, Any] = {}
    fastavro.parse_schema(_FARE, named)
    fastavro.schemaless_writer(ride, fastavro.parse_schema(_AVRO, named), {"id": "r-1", "fare": {"cents": 7}})
    for value, said in [
        (_framed(1, b"\x02\x02" + _RIDE), {"cents": "1250"}),
        (_framed(2, ride.getvalue()), {"cents": 7}),
        (_framed(3, b'{"fare":1}'), 1),
    ]:
        assert json.loads(await _plain(registry, value) or b"")["fare"] == said


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (_framed(1, b"\x02\x02\x0a\x09x"), "do not fit"),
        (_framed(4, b""), "THRIFT"),
        (_framed(5, b""), "no Protobuf schema"),
        (_framed(6, b""), "no Avro schema"),
        (_framed(7, b""), "more than 100"),
        (_framed(8, b""), "no schema with the number"),
        (_framed(2**32 - 1, b""), "no schema with the number"),
        (_framed(10, b""), "no Avro schema"),
        (_framed(11, b""), "no Avro schema"),
        (_framed(12, b""), "no Protobuf schema"),
        (_framed(13, b""), "no Protobuf schema"),
    ],
)
async def test_what_cannot_be_read_says_why(registry: str, value: bytes, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        await _plain(registry, value)


async def test_schemas_that_refer_to_each_other_are_asked_for_once(registry: str) -> None:
    assert await _plain(registry, _framed(9, b"\x02")) == b"1"


@pytest.mark.parametrize("number", [401, 500])
async def test_what_the_registry_says_of_itself_is_no_answer(registry: str, number: int) -> None:
    schemas = Schemas(registry)
    with pytest.raises(SchemaMissingError):
        schemas.plain(_framed(number, b""), EVENT_VALUES_MAX, "rides")
    with pytest.raises(OSError, match=str(number)):
        await schemas.fetch()
    assert schemas.are_missing


class _Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def _answered(schemas: Schemas, number: int, sender: str, data: bytes = b"") -> str:
    """What becomes of a value, as the runner has it: it asks for what is missing, and hands the record in again."""
    for _ in range(2):
        try:
            return (schemas.plain(_framed(number, data), EVENT_VALUES_MAX, sender) or b"").decode()
        except SchemaMissingError:
            await schemas.fetch()
        except SchemaError as error:
            return str(error)
    return "missing still"


async def test_numbers_that_no_schema_has_cost_a_few_questions_however_many_they_are(registry: str) -> None:
    clock = _Clock()
    schemas = Schemas(registry, clock)
    _ASKED.clear()
    told = [await _answered(schemas, number, "rides") for number in range(1_000, 2_000)]
    assert len(_ASKED) == 20
    assert all("has no schema" in each for each in told[:20])
    assert all("was not asked" in each for each in told[20:])
    assert await _answered(schemas, 3, "trams", b"{}") == "{}", "another sender's schemas are asked for"
    clock.now_s = 60.0
    _ASKED.clear()
    for number in range(5_000, 6_000):
        await _answered(schemas, number, "rides")
    assert len(_ASKED) == 20, "after a minute, as many again"


async def test_a_number_that_is_given_to_a_schema_later_is_found_within_a_minute(
    registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = _Clock()
    schemas = Schemas(registry, clock)
    _ASKED.clear()
    for _ in range(100):
        assert "has no schema" in await _answered(schemas, 77, "rides")
    assert _ASKED == ["/schemas/ids/77"]
    monkeypatch.setitem(_ANSWERS, "/schemas/ids/77", {"schemaType": "JSON", "schema": "{}"})
    clock.now_s = 59.9
    assert "has no schema" in await _answered(schemas, 77, "rides")
    clock.now_s = 60.0
    assert await _answered(schemas, 77, "rides", b"{}") == "{}"
    assert len(_ASKED) == 2


async def test_a_schema_that_cannot_be_used_is_told_without_growing(registry: str) -> None:
    """An error that is raised again has the lines of each time before."""
    schemas = Schemas(registry)
    assert "THRIFT" in await _answered(schemas, 4, "rides")
    errors = []
    for _ in range(3):
        with pytest.raises(SchemaError) as raised:
            schemas.plain(_framed(4, b""), EVENT_VALUES_MAX, "rides")
        errors.append(raised.value)
    assert len({id(each) for each in errors}) == 3


async def test_a_registry_that_is_away_is_asked_again() -> None:
    schemas = Schemas("http://127.0.0.1:9")
    with pytest.raises(SchemaMissingError):
        schemas.plain(_framed(1, b""), EVENT_VALUES_MAX, "rides")
    with pytest.raises(OSError, match="refused"):
        await schemas.fetch()
    assert schemas.are_missing


def test_a_value_without_a_frame_stays() -> None:
    schemas = Schemas("http://127.0.0.1:9")
    assert [schemas.plain(value, EVENT_VALUES_MAX, "rides") for value in (None, b"", b"{}")] == [None, b"", b"{}"]
    with pytest.raises(SchemaError, match="ends before"):
        schemas.plain(b"\0\0", EVENT_VALUES_MAX, "rides")
