"""The campaign: events flow, and meanwhile processes and servers are killed, stopped and woken again.

The seed decides the input and the schedule: which fault comes when, whom it hits and how long it lasts. A kill counts
only when work lay open: the process is made to stand still, looked at, and killed while it stands; if there is nothing
to lose, it goes on and is looked at again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from goodstanding.local.stack import Name
from shared.contracts.topics import (
    NORMALIZED,
    SCORES_CHANGED,
    dead_letter_topic,
    raw_topic,
    rejected_topic,
)
from tests.faults.checker import check_dead_letters, check_normalized, check_refusals, check_scores, places_of
from tests.faults.cluster import Cluster, Feeder, Service, feeding, numbers, running
from tests.faults.events import PARTNERS, ZONE, Stretch, draw
from tests.faults.policy import scorecard
from tests.oracle import expect, month

log = logging.getLogger("campaign")

Act = Literal[
    "kill ingest", "kill scorer", "stop ingest", "stop scorer", "kill kafka", "kill postgres", "join", "leave"
]

_IN_FLIGHT_TIMEOUT_S = 30.0
_TRANSACTION_TIMEOUT_S = 4.0
_SESSION_S = 3.0
_LASTS_S_MAX = 1.5


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the schedule, `delay_s` after its share of the events began to flow; it lasts `for_s`."""

    act: Act
    delay_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a campaign is. `counts` holds how often each fault comes; each gets its share of the events."""

    people: int
    messages: int
    counts: dict[Act, int]
    share_s: float
    """Each share of the events is spread over so many seconds."""
    publication_kills: int
    """Kills of scorer processes in each monthly run."""


FULL = Plan(
    people=2_000,
    messages=20_000,
    counts={
        "kill ingest": 9,
        "kill scorer": 13,
        "stop ingest": 1,
        "stop scorer": 3,
        "kill kafka": 2,
        "kill postgres": 2,
        "join": 2,
        "leave": 2,
    },
    share_s=9.0,
    publication_kills=2,
)
SHORT = Plan(
    people=150,
    messages=1_500,
    counts={"kill ingest": 2, "kill scorer": 3, "stop scorer": 1, "kill kafka": 1, "kill postgres": 1},
    share_s=1.5,
    publication_kills=1,
)


@dataclass(slots=True)
class Report:
    """What happened, for the eyes of people, and what did not hold."""

    faults: Counter[str] = field(default_factory=Counter)
    versions: int = 0
    repeats: int = 0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        faults = ", ".join(f"{count} x {act}" for act, count in sorted(self.faults.items()))
        return f"{faults}; {self.versions} versions, {self.repeats} repeated messages; violations: {self.violations}"


def schedule(rng: random.Random, counts: dict[Act, int]) -> list[Fault]:
    """Faults in random order; a second scorer is there whenever a process is stopped, so that somebody takes over."""
    acts = [act for act, count in counts.items() for _ in range(count) if act not in ("join", "leave")]
    rng.shuffle(acts)
    for act in ("join", "leave"):
        places = sorted(rng.sample(range(len(acts) + 1), counts.get(act, 0)))
        for shift, place in enumerate(places):
            acts.insert(place + shift, act)
    return [Fault(act, rng.uniform(0.1, 1.0), rng.uniform(0.0, _LASTS_S_MAX)) for act in acts]


async def run(seed: int, plan: Plan, directory: Path) -> Report:
    """A whole campaign in servers of its own."""
    rng = random.Random(seed)
    key = rng.randbytes(32)
    stretches = draw(seed, people=plan.people, messages=plan.messages, key=key)
    faults = schedule(rng, plan.counts)
    report = Report()
    async with running(directory, key=key, now=stretches[0].instant) as cluster, feeding(cluster) as feeder:
        chaos = _Chaos(cluster, rng, report)
        await cluster.start("ingest-1", "scorer-1", "scorer-2")
        # The month of the first instant is published now, of nobody, so that it is not left to chance of whom.
        await cluster.until_run_done(month(stretches[0].instant, ZONE))
        for stretch, share in zip(stretches, _shared_out(faults, stretches), strict=True):
            if stretch.publication:
                await chaos.publish(stretch, plan.publication_kills)
            await _flow(feeder, chaos, stretch, share, plan.share_s)
            await cluster.until_drained()
        await cluster.until_ready()
        await _check(cluster, stretches, report)
    return report


def _shared_out(faults: Sequence[Fault], stretches: Sequence[Stretch]) -> list[Sequence[Fault]]:
    """To each stretch its part of the faults, by its part of the messages."""
    total, done, parts, begin = sum(len(s.messages) for s in stretches), 0, [], 0
    for stretch in stretches:
        done += len(stretch.messages)
        end = round(len(faults) * done / total)
        parts.append(faults[begin:end])
        begin = end
    return parts


async def _flow(feeder: Feeder, chaos: _Chaos, stretch: Stretch, faults: Sequence[Fault], share_s: float) -> None:
    """Send the stretch in as many shares as it has faults, each fault while its share flows."""
    size = -(-len(stretch.messages) // max(len(faults), 1))
    shares = [stretch.messages[at : at + size] for at in range(0, len(stretch.messages), size)]
    for fault, messages in zip(faults, shares, strict=True):
        async with asyncio.TaskGroup() as both:
            both.create_task(feeder.send(messages, spread_s=share_s))
            both.create_task(chaos.commit(fault))
        await chaos.recover()


class _Chaos:
    """Commits faults, and counts those that hit work in flight."""

    def __init__(self, cluster: Cluster, rng: random.Random, report: Report) -> None:
        self._cluster, self._rng, self._report = cluster, rng, report
        self._began = time.monotonic()

    async def commit(self, fault: Fault) -> None:
        await asyncio.sleep(fault.delay_s)
        match fault.act:
            case "kill ingest" | "kill scorer":
                await self._kill(self._victim("ingest" if fault.act == "kill ingest" else "scorer"), fault)
            case "stop ingest" | "stop scorer":
                await self._stop_and_wake(fault)
            case "kill kafka":
                await self._kill_server("kafka", fault)
            case "kill postgres":
                await self._kill_server("postgres", fault)
            case "join":
                await self._cluster.start(self._next("scorer"))
                self._tell(fault.act, "")
            case "leave":
                await self._cluster.stop(self._victim("scorer"))
                self._tell(fault.act, "")

    async def recover(self) -> None:
        """Everybody works again before the next fault, so that it finds work in flight and not a start."""
        services: tuple[Service, ...] = ("ingest", "scorer")
        for service in services:
            if not numbers(self._cluster.processes, service):
                await self._cluster.start(self._next(service), ready=False)
        await self._cluster.until_ready()

    async def publish(self, stretch: Stretch, kills: int) -> None:
        """Move the clock into the monthly run, and kill while it runs."""
        number = month(stretch.instant, ZONE)
        await self._cluster.deployment.set_clock(stretch.instant)
        for _ in range(kills):
            victim = self._victim("scorer")
            if what := await self._frozen(victim, lambda: self._publishing(number), lambda: self._published(number)):
                await self._cluster.kill(victim)
                self._tell("kill in the monthly run", f"{victim}: {what}")
                await self._cluster.start(victim)
        await self._cluster.until_run_done(number)

    async def _publishing(self, number: int) -> str | None:
        """That some shards have begun to publish, and are not done."""
        cursors = [shard["cursor"] for shard in await self._cluster.shards()]
        begun = [cursor for cursor in cursors if cursor.startswith(f"{number}:") and not cursor.endswith("done")]
        return f"{len(begun)} shards are publishing" if begun else None

    async def _published(self, number: int) -> bool:
        return all(shard["cursor"] == f"{number}:done" for shard in await self._cluster.shards())

    async def _kill(self, victim: str, fault: Fault) -> None:
        """SIGKILL, and a new start after a while; half of the scorer's die in the middle of a transaction, if it can
        be brought about within a few seconds."""
        what: str | None = None
        if victim.startswith("scorer") and fault.for_s < _LASTS_S_MAX / 2:
            patience = _over(_TRANSACTION_TIMEOUT_S)
            what = await self._frozen(victim, lambda: self._cluster.open_transactions(victim), patience)
        what = what or await self._frozen_at_work(victim)
        await self._cluster.kill(victim)
        self._tell(fault.act, f"{victim}: {what}")
        await asyncio.sleep(fault.for_s)
        await self._cluster.start(victim, ready=False)

    async def _frozen_at_work(self, victim: str) -> str:
        """Have the process stand still (SIGSTOP) while work of its own lies open; what it is."""
        what = await self._frozen(victim, lambda: self._cluster.in_flight(victim), _over(_IN_FLIGHT_TIMEOUT_S))
        assert what, f"{victim} had nothing in flight for {_IN_FLIGHT_TIMEOUT_S:.0f} s"
        return what

    async def _frozen(
        self,
        victim: str,
        look: Callable[[], Awaitable[str | None]],
        given_up: Callable[[], Awaitable[bool]],
    ) -> str | None:
        """Have the process stand still at a moment at which `look` finds something; None, and running, if given up."""
        process = self._cluster.processes[victim]
        while True:
            process.pause()
            try:
                what = await look()
            except BaseException:
                process.resume()
                raise
            if what:
                return what
            process.resume()
            if await given_up():
                return None
            await asyncio.sleep(self._rng.uniform(0.001, 0.02))

    async def _stop_and_wake(self, fault: Fault) -> None:
        """The zombie: it stands still for longer than its session, others take its shards, and it wakes up."""
        service: Service = "ingest" if fault.act == "stop ingest" else "scorer"
        if len(numbers(self._cluster.processes, service)) < 2:
            await self._cluster.start(self._next(service))
        victim = self._victim(service)
        what = await self._frozen_at_work(victim)
        await asyncio.sleep(_SESSION_S + 1 + 2 * fault.for_s)
        self._cluster.processes[victim].resume()
        self._tell(fault.act, f"{victim}: {what}")

    async def _kill_server(self, name: Name, fault: Fault) -> None:
        what: str | None = None

        async def busy() -> bool:
            nonlocal what
            what = await self._cluster.anything_in_flight()
            return bool(what)

        await self._cluster.until(busy, "something is in flight", _IN_FLIGHT_TIMEOUT_S)
        await asyncio.to_thread(self._cluster.stack.kill, name)
        self._tell(fault.act, what or "")
        await asyncio.sleep(fault.for_s)
        await asyncio.to_thread(self._cluster.stack.start, name)

    def _victim(self, service: Service) -> str:
        return self._rng.choice(numbers(self._cluster.processes, service))

    def _next(self, service: Service) -> str:
        taken = {int(name.partition("-")[2]) for name in numbers(self._cluster.processes, service)}
        return f"{service}-{min(set(range(1, len(taken) + 2)) - taken)}"

    def _tell(self, act: str, what: str) -> None:
        self._report.faults[act] += 1
        log.info("%6.1f s  %-30s %s", time.monotonic() - self._began, act, what)


def _over(timeout_s: float) -> Callable[[], Awaitable[bool]]:
    deadline = time.monotonic() + timeout_s

    async def over() -> bool:
        return time.monotonic() > deadline

    return over


async def _check(cluster: Cluster, stretches: Sequence[Stretch], report: Report) -> None:
    messages = [message for stretch in stretches for message in stretch.messages]
    expected = expect([stretch.phase for stretch in stretches], scorecard(), ZONE)
    places, violations = places_of(messages, await cluster.read(*map(raw_topic, PARTNERS)))
    scores = await cluster.read(SCORES_CHANGED)
    rejected = await cluster.read(*map(rejected_topic, PARTNERS))
    normalized = await cluster.read(NORMALIZED)
    letters = await cluster.read(dead_letter_topic("ingest"), dead_letter_topic("scorer"))
    if not violations:
        violations = [
            *check_scores(scores, expected.results),
            *check_refusals(rejected, places, expected),
            *check_normalized(normalized, places, expected),
            *check_dead_letters(letters),
        ]
    identities = Counter(record.attribute("id") for record in scores)
    report.versions = len(identities)
    report.repeats = len(scores) - len(identities) + len(normalized) - len({r.attribute("origin") for r in normalized})
    report.violations = violations
