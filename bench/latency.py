"""How long it takes from a partner's event to the score that it changes, at a steady rate.

    python -m bench.latency [--per-second 1000] [--seconds 30]

All four services in continuous cadence, on a Kafka and a Postgres of their own. Every event is the first of its person,
so that each leads to a score. The time runs from the instant at which the event is to be sent until a subscriber has
the score, reading what is committed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from bench.policies import with_cadence
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Servers
from goodstanding.platform.stack import stop
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.identity import sample_account, user_id
from shared.contracts.partition import partition_of
from shared.contracts.times import rfc3339
from shared.contracts.topics import SCORES_CHANGED, SERVICES, raw_topic
from shared.kafka import clients
from shared.kafka.sender import send, started
from shared.runner.service import Outgoing

_PARTNER = "city"
_HEADERS = (("content-type", STRUCTURED.encode()),)
_EVERY_S = 0.01
_WARM_S = 5.0
"""What comes first is not counted: connections are opened and code is read."""
_PATIENCE_S = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.latency", description=__doc__.splitlines()[0])
    parser.add_argument("--per-second", type=int, default=1_000, help="events a second (default 1,000)")
    parser.add_argument("--seconds", type=float, default=30.0, help="for how long (default 30)")
    given = parser.parse_args()
    took_ms = measured(given.per_second, given.seconds)
    cuts = statistics.quantiles(took_ms, n=1000)
    named = {"median": cuts[499], "p90": cuts[899], "p99": cuts[989], "p99.9": cuts[998], "max": max(took_ms)}
    print(
        f"{len(took_ms):,} events at {given.per_second:,} a second, from the raw event to the score, in milliseconds:"
    )
    print(", ".join(f"{name} {each:.0f}" for name, each in named.items()))


def measured(per_second: int, seconds: float) -> list[float]:
    """Milliseconds that each event took."""
    with tempfile.TemporaryDirectory(prefix="goodstanding-bench-") as place, Servers.ephemeral() as servers:
        deployment = Deployment.create(servers.home / "services", servers.addresses, FixedSettings.new())
        asyncio.run(_prepare(deployment))
        policies = {"GOODSTANDING_POLICIES": str(with_cadence(Path(place), "continuous"))}
        processes = [deployment.process(service, settings=policies) for service in SERVICES]
        try:
            for process in processes:
                process.start()
            for process in processes:
                process.wait_ready()
            return asyncio.run(_measure(deployment, per_second, seconds))
        finally:
            stop(processes)


async def _prepare(deployment: Deployment) -> None:
    await deployment.migrate()
    await deployment.ensure_topics()


async def _measure(deployment: Deployment, per_second: int, seconds: float) -> list[float]:
    sent: dict[bytes, float] = {}
    took_ms: dict[bytes, float] = {}
    async with clients.consumer_of(
        AIOKafkaConsumer,
        deployment.kafka,
        SCORES_CHANGED,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    ) as consumer:
        following = asyncio.create_task(_follow(consumer, sent, took_ms))
        await _send(deployment, sent, per_second, _WARM_S + seconds)
        warm = next(iter(sent.values())) + _WARM_S
        began = time.monotonic()
        while len(took_ms) < len(sent):
            if time.monotonic() - began > _PATIENCE_S:
                raise SystemExit(f"{len(sent) - len(took_ms)} of {len(sent)} events have led to no score.")
            await asyncio.sleep(_EVERY_S)
        following.cancel()
    return [took for person, took in took_ms.items() if sent[person] >= warm]


async def _follow(consumer: AIOKafkaConsumer, sent: dict[bytes, float], took_ms: dict[bytes, float]) -> None:
    async for record in consumer:
        took_ms.setdefault(record.key, (time.perf_counter() - sent[record.key]) * 1e3)


async def _send(deployment: Deployment, sent: dict[bytes, float], per_second: int, seconds: float) -> None:
    """Send at the rate. An event's time is when it was to be sent, so that waiting for the event before it counts."""
    events = _events(bytes.fromhex(deployment.settings.key))
    async with started(deployment.kafka) as producer:
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            batch = []
            while len(sent) < passed * per_second:
                person, event = next(events)
                sent[person] = began + len(sent) / per_second
                batch.append(event)
            await send(producer, batch)
            await asyncio.sleep(_EVERY_S)


def _events(key: bytes) -> Iterator[tuple[bytes, Outgoing]]:
    """A person's user_id, and the bill that the person has paid."""
    now, number = rfc3339(datetime.now(UTC)), 0
    while True:
        account = sample_account(number)
        body = {
            "specversion": "1.0",
            "id": f"{_PARTNER}-{number}",
            "source": f"https://{_PARTNER}.example",
            "type": "goodstanding.behavior.normalized.v1",
            "time": now,
            "subject": account,
            "data": {"kind": "water.bill", "amount": 1_000, "days_late": 0},
        }
        value = json.dumps(body).encode()
        raw_key = account.encode()
        event = Outgoing(raw_topic(_PARTNER), raw_key, value, _HEADERS, partition_of(raw_key.hex()))
        yield user_id(key, "account", account).encode(), event
        number += 1


if __name__ == "__main__":
    main()
