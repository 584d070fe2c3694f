"""One trace from the partner's message to the change of the tier, on real servers, with nothing of the person in it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiokafka import AIOKafkaProducer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from goodstanding.partner.samples import Setting, samples
from services.ingest.loading import load_mapping
from shared.contracts.identity import sample_account
from shared.contracts.topics import (
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    SCORES_CHANGED,
    SERVICES,
    TIERS_CHANGED,
    raw_topic,
)
from shared.settings import ROOT
from tests.faults.cluster import running
from tests.faults.events import ZONE

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
_TOPICS = (RECORDS_REPORTED, RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED)
COURT = ROOT / "partners" / "court-feed.toml"


@dataclass
class Collector:
    """Takes spans over OTLP, as any collector does."""

    address: str
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> dict[str, list[Span]]:
        """By service."""
        found: dict[str, list[Span]] = {}
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                names = {each.key: each.value.string_value for each in resource.resource.attributes}
                service = names["service.name"].removeprefix("goodstanding-")
                found.setdefault(service, []).extend(span for scope in resource.scope_spans for span in scope.spans)
        return found


@contextmanager
def collecting() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}/v1/traces")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()


async def test_one_trace_leads_from_the_message_to_the_tier(tmp_path: Path) -> None:
    mapping = load_mapping(COURT)
    canary = sample_account(7_777_000_001)
    setting = Setting("CNY", ZONE, datetime.now(UTC), people=1, identifier=lambda _: canary)
    traced, untraced = itertools.islice(samples("court-feed", mapping, setting), 2)
    with collecting() as collector:
        settings = {"GOODSTANDING_TRACES": collector.address, "OTEL_BSP_SCHEDULE_DELAY": "100"}
        partners = {"court-feed": COURT.read_text()}
        directory = tmp_path / "deployment"
        async with running(directory, key=b"t" * 32, clock="system", settings=settings, partners=partners) as cluster:
            await cluster.start("ingest-1", "retention-1", "scorer-1", "benefits-1")
            producer = AIOKafkaProducer(bootstrap_servers=cluster.deployment.addresses.kafka)
            await producer.start()
            for event, more in ((traced, [("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]), (untraced, [])):
                topic, headers = raw_topic("court-feed"), [*event.headers, *more]
                await producer.send_and_wait(topic, event.value, key=event.key, headers=headers)
                await cluster.until_drained()
            await producer.stop()

            async def all_have_said() -> bool:
                return {*collector.spans()} == {*SERVICES}

            await cluster.until(all_have_said, "a span of each")
            records = {topic: await cluster.read(topic) for topic in _TOPICS}

    spans = {(each.name, service): each for service, its in collector.spans().items() for each in its}
    way = [
        spans[f"process {raw_topic('court-feed')}", "ingest"],
        spans[f"process {RECORDS_REPORTED}", "retention"],
        spans[f"process {RECORDS_CHANGED}", "scorer"],
        spans[f"process {SCORES_CHANGED}", "benefits"],
    ]
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in way[0].links] == [(TRACE, SPAN)]
    assert [each.parent_span_id for each in way] == [b"", *(each.span_id for each in way[:-1])]
    # What is told to the person on the way is of the same trace, and so is whatever reads it.
    assert {each.trace_id for each in spans.values()} == {way[0].trace_id}
    assert {each.parent_span_id for each in spans.values()} - {b""} <= {each.span_id for each in spans.values()}

    user_id = records[RECORDS_REPORTED][0].key or b""
    assert len(user_id) == 64
    for secret in (canary.encode(), canary[4:].encode(), user_id):
        assert not any(secret in body for body in collector.bodies)
    for topic, its in records.items():
        carried = [dict(each.headers).get("traceparent") for each in its]
        assert len([each for each in carried if each]) == 1, topic
        # What the partner sent as the name of its trace goes no further than ingest's own span.
        assert not any(TRACE.encode() in (value or b"") for each in its for _, value in each.headers)
