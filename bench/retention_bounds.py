"""What one more report costs about somebody of whom much is held: the parts of a step, by how much that is.

    python -m bench.retention_bounds [--rounds N]

On the Postgres named in GOODSTANDING_POSTGRES, else on the local stack's own. `load` is what a process does that has
not kept the person in memory, `decide` and `save` are what each report costs. The largest numbers are those of the
bounds (`services/retention/core/bounds.py`), of one partner and of ten.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import asyncpg

from bench.retention_tick import NOW, POLICY, SHARD, database
from services.retention.core import decide as rules
from services.retention.core.bounds import GONE_MAX, RECORDS_MAX, SETTLEMENTS_MAX
from services.retention.core.deadline import Deadline
from services.retention.core.decide import Person, Writes
from services.retention.core.fingerprint import provider, record_id
from services.retention.core.messages import Message, Report
from services.retention.core.record import Facts, Kept, Settled
from services.retention.storage import store
from shared.contracts.messages import RecordReport

BATCH = 2_000
KEY = POLICY.fingerprint_key


@dataclass(frozen=True)
class Case:
    """So many records of each of so many partners, and so many fingerprints."""

    records: int
    partners: int
    gone: int

    @property
    def user_id(self) -> str:
        return sha256(repr(self).encode()).hexdigest()

    def person(self) -> Person:
        ended_on = date(2025, 1, 16)
        deadline = Deadline(ended_on, datetime(2030, 1, 16, 16, tzinfo=UTC))
        overtaken = tuple(ended_on + timedelta(days=number) for number in range(1, SETTLEMENTS_MAX))
        kept: dict[str, Kept] = {}
        for partner in range(self.partners):
            for number in range(self.records):
                facts = Facts(f"bank-{partner}", f"r-{number}", "card.overdue", date(2024, 1, 1), 100, NOW)
                kept[record_id(KEY, self.user_id, facts.partner, facts.report_id)] = Settled(
                    facts, 9, deadline, overtaken
                )
        until = datetime(2100, 1, 1, tzinfo=UTC)
        gone = {sha256(number.to_bytes(4, "big")).digest()[:16]: until for number in range(self.gone)}
        left_by = {name: provider(KEY, self.user_id, f"bank-{at % 10}") for at, name in enumerate(gone)}
        return Person(kept, gone, left_by=left_by)

    def report(self, report_id: str, place: int = 0) -> Report:
        body = RecordReport(
            kind="card.overdue", report_id=report_id, status="reported", began_on=date(2024, 1, 1), amount=100 + place
        )
        return Report(self.user_id, "bank-0", f"e-{place}", f"behavior.raw.bank/0/{place}", body, NOW)


CASES = (
    Case(records=1, partners=1, gone=0),
    Case(records=RECORDS_MAX - 1, partners=1, gone=0),
    Case(records=RECORDS_MAX - 1, partners=10, gone=0),
    Case(records=RECORDS_MAX - 1, partners=10, gone=10 * (GONE_MAX - 1)),
)


async def measure(db: asyncpg.Connection, case: Case, rounds: int) -> tuple[float, float, float, float]:
    """Milliseconds of load, of decide and of save for one new report, and of decide for a batch, each the median."""
    one, batch = [case.report("new")], [case.report(f"new-{number}", number) for number in range(BATCH)]
    took: list[tuple[float, float, float, float]] = []
    for _ in range(rounds):
        began = time.perf_counter()
        person = (await store.load(db, SHARD, [case.user_id], fingerprint_key=KEY))[case.user_id]
        loaded = time.perf_counter()
        decided = _decided(person, one)
        ruled = time.perf_counter()
        assert len(decided.writes.kept) == 1
        await _save(db, decided.writes)
        saved = time.perf_counter()
        _decided(person, batch)
        ended = time.perf_counter()
        await _save(db, Writes(case.user_id, erased=frozenset(decided.writes.kept)))
        took.append((loaded - began, ruled - loaded, saved - ruled, ended - saved))
    load, decide, save, all_of_batch = (statistics.median(part) * 1_000 for part in zip(*took, strict=True))
    return load, decide, save, all_of_batch


def _decided(person: Person, messages: list[Report]) -> rules.Decided:
    given: list[Message] = [*messages]
    return rules.decide(person, given, NOW, POLICY)


async def _save(db: asyncpg.Connection, writes: Writes) -> None:
    await store.save(db, SHARD, {}, [writes], fingerprint_key=KEY)


async def main(rounds: int) -> None:
    print(f"| records | fingerprints | load | decide | save | decide {BATCH:,} reports |")
    print("|---|---|---|---|---|---|")
    async with database() as db:
        for case in CASES:
            person = case.person()
            await _save(db, Writes(case.user_id, person.records, gone=person.gone, left_by=person.left_by))
        await db.execute("vacuum analyze")
        for case in CASES:
            parts = " | ".join(f"{part:.1f}" for part in await measure(db, case, rounds))
            print(f"| {case.records * case.partners:,} of {case.partners} partner(s) | {case.gone:,} | {parts} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What one more report costs about somebody of whom much is held.")
    parser.add_argument("--rounds", type=int, default=30)
    asyncio.run(main(parser.parse_args().rounds))
