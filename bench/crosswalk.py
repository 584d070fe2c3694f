"""What a crosswalk of a million customers costs a process: `python -m bench.crosswalk [--customers 1000000]`.

Prints the seconds of CPU that it takes to take over all entries, the memory by which the process has grown meanwhile,
and the microseconds of a look-up of somebody who was not seen lately. Kafka is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time

import psutil
from aiokafka import ConsumerRecord

from shared.contracts.crosswalk import entry_key
from shared.contracts.topics import crosswalk_topic
from shared.kafka.crosswalk import Crosswalk

_KEY = bytes(32)
_AT_ONCE = 5_000
_LOOKED_UP = 50_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=1_000_000)
    customers = parser.parse_args().customers
    process, crosswalk = psutil.Process(), Crosswalk(_KEY)
    before, taking_s = process.memory_info().rss, 0.0
    for start in range(0, customers, _AT_ONCE):
        records = [_record(number) for number in range(start, min(start + _AT_ONCE, customers))]
        began = time.process_time()
        crosswalk.take(records)
        taking_s += time.process_time() - began
    grown_mib = (process.memory_info().rss - before) / 2**20
    asked = random.Random(0).sample(range(customers), min(_LOOKED_UP, customers))
    began = time.process_time()
    for number in asked:
        assert crosswalk.find("bank", f"C-{number:08d}") is not None
    lookup_us = (time.process_time() - began) / len(asked) * 1e6
    print(f"{customers:,} customers: {taking_s:.1f} s of CPU, {grown_mib:.0f} MiB, {lookup_us:.1f} us a look-up")


def _record(number: int) -> ConsumerRecord:
    key = entry_key(_KEY, "bank", f"C-{number:08d}")
    value = hashlib.sha256(str(number).encode()).hexdigest().encode()
    return ConsumerRecord(crosswalk_topic("bank"), 0, number, number, 1, key, value, None, len(key), len(value), ())


if __name__ == "__main__":
    main()
