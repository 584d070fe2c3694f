"""Which records are traced, what their messages carry on, and that nothing but positions is in a span."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.contracts.exchange import Outgoing
from shared.kafka.unreadable import Fetched
from shared.runner.traces import Span, Traces, carried

PARTNERS = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
USER = b"a" * 64


def record(topic: str, *headers: tuple[str, bytes | None], offset: int = 7, key: bytes = USER) -> Fetched:
    return cast(Fetched, SimpleNamespace(topic=topic, partition=2, offset=offset, key=key, headers=headers))


def traces(service: str = "ingest", share: float = 0.0) -> tuple[Traces, InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return Traces(service, share, provider), kept


def span_of(made: Traces, asked: Fetched) -> Span:
    found = made.span(asked)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["traceparent", "ce_traceparent"])
def test_a_partners_trace_is_linked_and_its_bytes_go_no_further(name: str) -> None:
    made, _ = traces()
    span = span_of(made, record("behavior.raw.bank", (name, PARTNERS)))
    assert span.link == (0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)
    assert span.parent is None
    for part in PARTNERS.split(b"-")[1:3]:
        assert part not in span.header[1]


def test_the_next_service_goes_on_with_the_trace() -> None:
    first = span_of(traces()[0], record("behavior.raw.bank", ("traceparent", PARTNERS)))
    second = span_of(traces("scorer")[0], record("behavior.normalized", first.header))
    assert (second.trace, second.parent, second.link) == (first.trace, first.id, None)
    assert second.id != first.id


def test_the_same_position_has_the_same_span_after_a_kill() -> None:
    asked = record("behavior.raw.bank", ("traceparent", PARTNERS))
    assert traces()[0].span(asked) == traces()[0].span(asked)
    other = record("behavior.raw.bank", ("traceparent", PARTNERS), offset=8)
    assert span_of(traces()[0], asked).trace != span_of(traces()[0], other).trace


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"00-1-1-01",
        PARTNERS[:-2] + b"00",
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        PARTNERS.upper(),
        PARTNERS + b"\n",
        b"\xff" * 55,
    ],
)
def test_what_is_no_trace_or_is_not_sampled_is_none(value: bytes | None) -> None:
    made, _ = traces()
    assert made.span(record("behavior.raw.bank", ("traceparent", value))) is None


def test_a_share_of_the_others_is_traced() -> None:
    made, _ = traces(share=0.25)
    drawn = sum(made.span(record("behavior.raw.bank", offset=n)) is not None for n in range(4_000))
    assert 900 < drawn < 1_100
    assert traces(share=1.0)[0].span(record("behavior.raw.bank")) is not None
    # Between services only what came with a trace goes on with it.
    assert traces("scorer", share=1.0)[0].span(record("behavior.normalized")) is None


def test_messages_about_the_person_carry_the_trace_and_partners_are_told_of_none() -> None:
    made, _ = traces("scorer")
    spans = made.by_person([record("behavior.normalized", ("traceparent", PARTNERS))])
    messages = [
        Outgoing("scores.changed", USER, b"", (("ce_id", b"1"),), 2),
        Outgoing("scores.changed", b"b" * 64, b"", (), 2),
        Outgoing("behavior.rejected.bank", USER, b"", (), 0),
        Outgoing("scorer.dead-letter", None, b"", (), 0),
    ]
    marked = carried(messages, spans)
    assert marked[0].headers == (("ce_id", b"1"), spans[USER].header)
    assert marked[1:] == messages[1:]


def test_a_span_says_where_and_when_and_nothing_of_whom() -> None:
    made, kept = traces()
    span = span_of(made, record("behavior.raw.bank", ("traceparent", PARTNERS), key=b"canary-6222"))
    made.ended([span], 1_000, 5_000)
    [finished] = kept.get_finished_spans()
    assert finished.context is not None
    assert (finished.context.trace_id, finished.context.span_id) == (span.trace, span.id)
    assert (finished.start_time, finished.end_time, finished.name) == (1_000, 5_000, "process behavior.raw.bank")
    assert finished.parent is None
    assert [link.context.span_id for link in finished.links] == [0x00F067AA0BA902B7]
    attributes: dict[str, Any] = dict(finished.attributes or {})
    assert attributes == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": "behavior.raw.bank",
        "messaging.destination.partition.id": "2",
        "messaging.kafka.offset": 7,
        "messaging.consumer.group.name": "ingest",
    }
    assert "canary" not in finished.to_json()
