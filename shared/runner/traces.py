"""Traces, where they are asked for: one span for each service that a record passes, from the partner's to the tier.

The identity of a trace is a hash of the position at which the partner wrote the event, never the bytes that the partner
sent as `traceparent`: those could hold anything, and go no further than ingest's own span, as its link. Since every id
follows from positions, what is sent again after a kill is the same to the byte. A span has positions and no content.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from shared.contracts.exchange import Outgoing
from shared.contracts.topics import DISPUTES_PREFIX, RAW_PREFIX, REJECTED_PREFIX
from shared.kafka.unreadable import Fetched, Unreadable
from shared.runner.answers import origin

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

HEADER = "traceparent"
"""As W3C Trace Context and OpenTelemetry's conventions for Kafka name it."""
_NAMES = (HEADER, f"ce_{HEADER}")
"""CloudEvents' extension has its own spelling."""
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1
_FLUSH_MS = 2_000


class Span(NamedTuple):
    """One record's passage through this service. `parent` is the span before it in our own trace, `link` what the
    partner said: trace and span."""

    trace: int
    id: int
    parent: int | None
    link: tuple[int, int] | None
    origin: str

    @property
    def header(self) -> tuple[str, bytes]:
        """What messages that come of the record carry on."""
        return HEADER, f"00-{self.trace:032x}-{self.id:016x}-01".encode()


class Traces:
    """Makes spans of a service, and hands them to `provider`, which never keeps the service waiting."""

    def __init__(self, service: str, share: float, provider: TracerProvider) -> None:
        self._service, self._share = service, share
        self._provider = provider
        self._ids = _Ids()
        provider.id_generator = self._ids  # type: ignore[assignment]  # any object with ids; its type names a class
        self._tracer = provider.get_tracer("goodstanding")

    def span(self, record: Fetched) -> Span | None:
        """None for a record that is not traced."""
        if isinstance(record, Unreadable):
            return None
        said = _said(record.headers)
        where = origin(record)
        trace, id = _hash("trace", where, 16), _hash(self._service, where, 8)
        if record.topic.startswith(RAW_PREFIX):
            if (said is None or not said[2] & _SAMPLED) and not self._is_drawn(trace):
                return None
            return Span(trace, id, None, said[:2] if said else None, where)
        if said is None or not said[2] & _SAMPLED:
            return None
        return Span(said[0], id, said[1], None, where)

    def _is_drawn(self, trace: int) -> bool:
        return (trace & 0xFFFF_FFFF) < self._share * 2**32

    def by_person(self, records: Iterable[Fetched]) -> dict[bytes, Span]:
        """Of each person the span of the last record that is traced."""
        return {record.key: span for record in records if (span := self.span(record)) is not None and record.key}

    def ended(self, spans: Iterable[Span], began_ns: int, ended_ns: int) -> None:
        """All of them began when their batch did, and ended when what came of it was acknowledged."""
        from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

        flags = TraceFlags(TraceFlags.SAMPLED)
        for span in spans:
            topic, partition, offset = span.origin.rsplit("/", 2)
            self._ids.next = span
            context = None
            if span.parent is not None:
                parent = SpanContext(span.trace, span.parent, is_remote=True, trace_flags=flags)
                context = set_span_in_context(NonRecordingSpan(parent))
            links = [Link(SpanContext(*span.link, is_remote=True, trace_flags=flags))] if span.link else []
            made = self._tracer.start_span(
                f"process {topic}",
                context,
                SpanKind.CONSUMER,
                attributes={
                    "messaging.system": "kafka",
                    "messaging.operation.type": "process",
                    "messaging.destination.name": topic,
                    "messaging.destination.partition.id": partition,
                    "messaging.kafka.offset": int(offset),
                    "messaging.consumer.group.name": self._service,
                },
                links=links,
                start_time=began_ns,
            )
            made.end(ended_ns)

    def close(self) -> None:
        """What is made is sent, if that takes no longer than two seconds."""
        self._provider.force_flush(_FLUSH_MS)


class _Ids:
    """Hands out the ids of the span that is being made."""

    next: Span

    def generate_span_id(self) -> int:
        return self.next.id

    def generate_trace_id(self) -> int:
        return self.next.trace

    def is_trace_id_random(self) -> bool:
        return False


def open_traces(service: str, address: str, share: float, release: str) -> Traces:
    """Raises ImportError where the extra is not installed."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource({SERVICE_NAME: f"goodstanding-{service}", SERVICE_VERSION: release})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=address)))
    return Traces(service, share, provider)


def carried(messages: Sequence[Outgoing], spans: Mapping[bytes, Span]) -> list[Outgoing]:
    """The messages, with the trace of the record that each is about the same person as. Partners are told of none."""
    return [marked(each, span) if (span := spans.get(each.key or b"")) else each for each in messages]


def marked(message: Outgoing, span: Span) -> Outgoing:
    if message.topic.startswith((REJECTED_PREFIX, DISPUTES_PREFIX)):
        return message
    return msgspec.structs.replace(message, headers=(*message.headers, span.header))


def _said(headers: Iterable[tuple[str, bytes]]) -> tuple[int, int, int] | None:
    """Trace, span and flags of a traceparent that is one; no fault of any other makes an event wrong."""
    for name, value in headers:
        if name in _NAMES and (found := _TRACEPARENT.fullmatch(value or b"")):
            trace, span, flags = (int(part, 16) for part in found.groups())
            return (trace, span, flags) if trace and span else None
    return None


def _hash(about: str, where: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{about} {where}".encode(), digest_size=size).digest(), "big") or 1
