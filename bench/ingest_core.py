"""What one event costs in ingest, from raw bytes to the message that is sent, without Kafka.

    python -m bench.ingest_core [--profile]

The seven partners with a format of their own, 20,000 events each of 20,000 people who are known already; somebody new
costs a hash and a partition more (the last line). One process.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice

from aiokafka import ConsumerRecord
from pydantic import SecretStr

from goodstanding.partner.samples import Mode, Setting, samples
from services.ingest.loading import load_context, load_mapping, load_partners
from services.ingest.service import Policy, service
from services.ingest.settings import IngestSettings
from shared.contracts.identity import sample_account
from shared.contracts.partition import partition_of
from shared.contracts.topics import raw_topic
from shared.runner.service import Answer, Forward, Record, Service

EVENTS = 20_000
BATCH = 2_000
RUNS = 10
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SEVEN: dict[str, Mode] = {
    "bank": "structured",
    "consumer-credit": "binary",
    "utility": "binary",
    "bike-rental": "binary",
    "hotel": "binary",
    "shop": "structured",
    "court-feed": "binary",
}


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--profile", action="store_true")
    profile = arguments.parse_args().profile
    settings = IngestSettings(kafka="", key=SecretStr("00" * 32))
    deployment = load_context(settings)
    ingest = service(Policy(load_partners(settings.partners, deployment)))
    setting = Setting(settings.currency, settings.zone_info, NOW, people=20_000)
    costs = []
    for partner, mode in SEVEN.items():
        file = settings.partners / f"{partner}.toml"
        mapping = load_mapping(file)
        events = list(islice(samples(partner, mapping, setting, mode=mode), EVENTS))
        records = [_record(partner, n, each.key, each.value, each.headers) for n, each in enumerate(events)]
        if profile:
            names = {"work": _work, "ingest": ingest, "records": records}
            cProfile.runctx("work(ingest, records)", names, {}, sort="tottime")
        costs.append(_cpu_us(ingest, records))
        size = sum(len(each.value) for each in events) // EVENTS
        print(f"{partner:16}{costs[-1]:6.1f} us an event, {size} bytes")
    print(f"{'mean of seven':16}{sum(costs) / len(costs):6.1f} us")
    began = time.process_time()
    for number in range(10**9, 10**9 + EVENTS):
        partition_of(deployment.person_of(sample_account(number)).user_id)
    print(f"{'somebody new':16}{(time.process_time() - began) / EVENTS * 1e6:6.1f} us more")


def _cpu_us(ingest: Service[Forward], records: Sequence[Record]) -> float:
    """Microseconds for each record; of each batch the best of all runs, since the machine does other things too."""
    gc.collect()
    gc.freeze()
    batches = [records[start : start + BATCH] for start in range(0, len(records), BATCH)]
    runs = [[_seconds(ingest, batch) for batch in batches] for _ in range(RUNS)]
    best_s: float = sum(min(times) for times in zip(*runs, strict=True))
    return best_s / len(records) * 1e6


def _seconds(ingest: Service[Forward], records: Sequence[Record]) -> float:
    began = time.process_time()
    _work(ingest, records)
    return time.process_time() - began


def _work(ingest: Service[Forward], records: Sequence[Record]) -> None:
    answers = [ingest.mode.answer(record, NOW) for record in records]
    assert all(isinstance(answer, Answer) and answer.outcomes[0].result == "accepted" for answer in answers)


def _record(partner: str, number: int, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...]) -> Record:
    return ConsumerRecord(
        topic=raw_topic(partner),
        partition=0,
        offset=number,
        timestamp=int(NOW.timestamp() * 1000),
        timestamp_type=1,
        key=key,
        value=value,
        checksum=None,
        serialized_key_size=len(key),
        serialized_value_size=len(value),
        headers=headers,
    )


if __name__ == "__main__":
    main()
