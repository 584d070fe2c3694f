"""The campaign: events flow, and meanwhile processes and servers are killed, stopped and woken again.

The seed decides the input and the schedule: which fault comes when, whom it hits and how long it lasts. A kill counts
only when work lay open: the process is made to stand still, looked at, and killed while it stands; if there is nothing
to lose, it goes on and is looked at again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from goodstanding.errors import UserError
from goodstanding.platform.servers.server import Name
from goodstanding.simulation.rule_book import month_of
from goodstanding.waiting_for_word import give_word, waiting_for_word
from shared.contracts.topics import (
    NORMALIZED,
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    SCORES_CHANGED,
    SERVICES,
    SUBJECT_ANSWERS,
    TIERS_CHANGED,
    ServiceName,
    dead_letter_topic,
    raw_topic,
    rejected_topic,
)
from shared.kafka import topic_admin
from shared.kafka.clients import is_cancelled
from tests.faults import hostile, leaders
from tests.faults.checker import (
    Seen,
    check_answered,
    check_answers,
    check_dead_letters,
    check_marks,
    check_normalized,
    check_records,
    check_refusals,
    check_scores,
    check_tiers,
    lives,
    places_of,
)
from tests.faults.cluster import AWAY, PARTNER, Cluster, Feeder, numbers, running, service_of
from tests.faults.events import PARTNERS, ZONE, Message, Stretch, draw
from tests.faults.plans import LASTS_S_MAX, Act, Fault, Plan, schedule, shared_out, words
from tests.faults.policy import profile, scorecard, tier_table
from tests.support.oracle.scores import expect

log = logging.getLogger("campaign")

_ASKED: tuple[ServiceName, ...] = ("retention", "scorer", "benefits")
_TOLD = (RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED)
"""Who is erased, is erased on each of these."""
_IN_FLIGHT_TIMEOUT_S = 30.0
_SESSION_S = 3.0
_OPERATOR_LOOKS_EVERY_S = 1.0
_OPERATOR_LOOKS_FOR_S_MAX = 20.0
"""A client that asks a server in the moment of its death may wait for ever."""
_WITHOUT_TOPIC_TIMEOUT_S = 300.0


@dataclass(slots=True)
class Report:
    """What happened, for the eyes of people, and what did not hold."""

    faults: Counter[Act | str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    """Messages by topic, repeats left out."""
    repeats: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    without_leader_s: float = 0.0
    """The longest time in which one partition took no write."""

    def count(self, messages: Sequence[Seen], by: str) -> None:
        """Messages are repeats of each other when they have one `by`."""
        seen: set[tuple[str, str]] = set()
        for message in messages:
            identity = message.topic, message.attribute(by)
            (self.repeats if identity in seen else self.told)[message.topic] += 1
            seen.add(identity)

    def __str__(self) -> str:
        faults = ", ".join(f"{count} x {words(act)}" for act, count in self.faults.items())
        told = ", ".join(f"{count} {topic} and {self.repeats[topic]} repeats" for topic, count in self.told.items())
        leaders = f"longest without a leader: {self.without_leader_s:.1f} s"
        return f"{faults}; {told}; {leaders}; violations: {self.violations}"


async def run(seed: int, plan: Plan, directory: Path) -> Report:
    """A whole campaign in servers of its own."""
    rng = random.Random(seed)
    key = rng.randbytes(32)
    stretches = draw(seed, people=plan.people, messages=plan.messages, key=key, records=True, erasures=plan.erasures)
    faults = schedule(rng, plan.counts)
    report = Report()
    partners = dict.fromkeys((*PARTNERS, hostile.PARTNER), PARTNER)
    async with (
        running(directory, key=key, now=stretches[0].instant, partners=partners, brokers=plan.brokers) as cluster,
        leaders.watched(cluster.kafka, plan.brokers) as led,
        contextlib.AsyncExitStack() as ends,
    ):
        feeder = Feeder(cluster.kafka, seed)
        chaos = _Chaos(cluster, rng, report, plan)
        ends.enter_context(chaos.operator)
        await cluster.start("ingest-1", "retention-1", "scorer-1", "scorer-2", "benefits-1")
        # The month of the first instant is published now, of nobody, so that it is not left to chance of whom.
        await cluster.until_run_done(month_of(stretches[0].instant, ZONE))
        for stretch, share in zip(stretches, shared_out(faults, stretches), strict=True):
            if stretch is not stretches[0]:
                await chaos.move_clock(stretch, plan.timer_kills)
            await _flow(feeder, chaos, stretch, share, plan.share_s)
            await cluster.until_drained()
            await chaos.ask(feeder, stretch, plan)
            await chaos.heard.listen(cluster)
        await cluster.until_ready()
        report.without_leader_s = led.longest_s
        await _check(cluster, stretches, chaos.heard, report)
    return report


@dataclass(slots=True)
class Heard:
    """What subscribers have heard, and when: nobody takes that from them when a server comes back with less."""

    messages: list[Seen] = field(default_factory=list)
    at: dict[Seen, datetime] = field(default_factory=dict)
    """What the clock showed."""
    refusals: list[Seen] = field(default_factory=list)
    """Those that the hostile partner read before its topic was deleted."""

    async def listen(self, cluster: Cluster) -> None:
        assert cluster.now is not None
        for message in await cluster.read(*_TOLD, SUBJECT_ANSWERS):
            if message not in self.at:
                self.messages.append(message)
                self.at[message] = cluster.now

    def said_at(self, message: Seen) -> datetime:
        """What the clock showed, whichever life of its person it is of."""
        return self.at[replace(message, key=message.user_id.encode())]

    def on(self, topic: str) -> list[Seen]:
        """All that was heard on a topic, in that order, of one life of a person after the other."""
        return lives(message for message in self.messages if message.topic == topic)


async def _flow(feeder: Feeder, chaos: _Chaos, stretch: Stretch, faults: Sequence[Fault], share_s: float) -> None:
    """Send the stretch in as many shares as it has faults, each fault while its share flows."""
    size = -(-len(stretch.messages) // max(len(faults), 1))
    shares = [stretch.messages[at : at + size] for at in range(0, len(stretch.messages), size)]
    for fault, messages in zip(faults, shares, strict=True):
        if fault.act[0] == "restore":
            await chaos.restore(fault, feeder, messages, share_s)
        else:
            await chaos.prepare(fault)
            async with asyncio.TaskGroup() as both:
                # Events still come for `share_s` when the fault looks for work of its victim.
                both.create_task(feeder.send(messages, spread_s=fault.delay_s + share_s))
                both.create_task(chaos.commit(fault))
        await chaos.recover()


class _Operator:
    """Reads what the services say of their servers, and gives word: `goodstanding offsets accept <service> --yes`.

    A shard that has nothing to do looks at its servers every few seconds, so they do not all say so at one moment.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._accepted = 0

    def __enter__(self) -> None:
        self._working = asyncio.create_task(self._work())

    def __exit__(self, *_: object) -> None:
        self._working.cancel()

    @property
    def accepted(self) -> int:
        """So many contradictions until now. Raises whatever has ended the operator's work."""
        if self._working.done():
            self._working.result()
        return self._accepted

    async def _work(self) -> None:
        while True:
            for service in SERVICES:
                try:
                    async with asyncio.timeout(_OPERATOR_LOOKS_FOR_S_MAX):
                        await self._look(service)
                except (*AWAY, UserError):
                    # Then there is nothing to decide. A broker that has just begun lists a topic before it knows it.
                    pass
                except asyncio.CancelledError:
                    # A client library lets one out, now and then, when its broker goes away.
                    if is_cancelled():
                        raise
            await asyncio.sleep(_OPERATOR_LOOKS_EVERY_S)  # an operator looks now and then

    async def _look(self, service: ServiceName) -> None:
        waiting = await waiting_for_word(self._cluster.deployment, service)
        await give_word(self._cluster.deployment, waiting)
        self._accepted += len(waiting)


class _Chaos:
    """Commits faults, and counts those that hit work in flight."""

    def __init__(self, cluster: Cluster, rng: random.Random, report: Report, plan: Plan) -> None:
        self._cluster, self._rng, self._report, self._plan = cluster, rng, report, plan
        self._began = time.monotonic()
        self.heard = Heard()
        self.operator = _Operator(cluster)

    async def restore(self, fault: Fault, feeder: Feeder, messages: Sequence[Message], share_s: float) -> None:
        """A server comes back with what it had before these messages came.

        Partners send again what Kafka has lost. Subscribers keep what they heard.
        """
        assert fault.act[0] == "restore"
        server = fault.act[1]
        copy = self._cluster.copies / f"{server}-{self._report.faults[fault.act]}"
        await self._cluster.copy(server, copy)
        await self._cluster.until_ready()
        await feeder.send(messages, spread_s=share_s)
        await self._cluster.until_drained()
        await self.heard.listen(self._cluster)
        await self._cluster.put_back(server, copy)
        if server == "kafka":
            await feeder.send(messages)
        before = self.operator.accepted
        await self._cluster.until(
            lambda: self._has_spoken(before), "a service says that the servers contradict each other"
        )
        self._tell(fault.act, "contradictions were accepted")
        await self._cluster.until_drained()

    async def _has_spoken(self, before: int) -> bool:
        return self.operator.accepted > before

    async def ask(self, feeder: Feeder, stretch: Stretch, plan: Plan) -> None:
        """People dispute, withdraw and leave, and meanwhile services are killed; too late is no fault."""
        assert self._cluster.now is not None
        requests, now = stretch.requests, self._cluster.now
        asking = asyncio.create_task(feeder.ask(requests, now, spread_s=plan.share_s))

        async def answered() -> bool:
            return asking.done() and not await self._cluster.anything_in_flight()

        for _ in range(plan.asking_kills):
            service = self._rng.choice(_ASKED)
            victim = self._victim(service)
            # Who stands still again and again may never get to its work; then what waits for that says what is missing.
            given_up = _either(answered, _over(_IN_FLIGHT_TIMEOUT_S))
            if what := await self._frozen(victim, partial(self._cluster.in_flight, victim), given_up):
                await self._cluster.kill(victim)
                self._tell(f"kill {service} while people ask", f"{victim}: {what}")
                await self._cluster.start(victim)
        await asking
        leaving = sum(request.ask == "erase" for request in requests)

        async def are_erased() -> bool:
            said = await self._cluster.read(SUBJECT_ANSWERS)
            asked = {request.id for request in requests}
            receipts = {m.body["request_id"] for m in said if "digest" in m.body and m.body["what"] == "person"}
            return len(receipts & asked) == leaving

        await self._cluster.until(are_erased, "everybody who wants to be is erased")
        await self._cluster.until_drained()

    async def prepare(self, fault: Fault) -> None:
        """Whoever is to stand still needs somebody who takes over. Starting that process may take longer than a share
        of the events flows, and then there would be nothing in flight."""
        match fault.act:
            case "stop", service if len(numbers(self._cluster.processes, service)) < 2:
                await self._cluster.start(self._next(service))

    async def commit(self, fault: Fault) -> None:
        await asyncio.sleep(fault.delay_s)  # the seed says when the fault comes
        match fault.act:
            case "kill", ("kafka" | "kafka-2" | "kafka-3" | "postgres") as server:
                await self._kill_server(server, fault)
            case "kill", service:
                await self._kill(self._victim(service), fault)
            case "stop", service:
                await self._stop_and_wake(service, fault)
            case "join", service:
                await self._cluster.start(self._next(service))
                self._tell(fault.act, "")
            case "leave", service:
                await self._cluster.stop(self._victim(service))
                self._tell(fault.act, "")
            case "send", "hostile records":
                self._tell(fault.act, f"{await hostile.send_hostile(self._cluster.kafka, self._rng)} of them")
            case "send", _:
                assert self._cluster.now is not None
                await hostile.send_hot(self._cluster.kafka, self._rng, self._cluster.now, self._plan.hot_events)
                self._tell(fault.act, f"{self._plan.hot_events} events")
            case "delete", _:
                await self._delete_topic(fault)

    async def recover(self) -> None:
        """Everybody works again before the next fault, so that it finds work in flight and not a start."""
        for service in SERVICES:
            if not numbers(self._cluster.processes, service):
                await self._cluster.start(self._next(service), ready=False)
        await self._cluster.until_ready()

    async def move_clock(self, stretch: Stretch, kills: int) -> None:
        """Move the clock, and kill while it makes much due: a monthly run, or the deadlines of records."""
        due = await self._cluster.records_due(stretch.instant)
        await self._cluster.set_clock(stretch.instant)
        number = month_of(stretch.instant, ZONE)
        for _ in range(kills):
            if stretch.publication:
                await self._kill_amid_timers(
                    "scorer", lambda: self._publishing(number), lambda: self._published(number)
                )
            else:
                await self._kill_amid_timers("retention", lambda: self._expiring(due), self._expired)
        if stretch.publication:
            await self._cluster.until_run_done(number)
        # What lapsed comes before what is sent now, as the oracle has it.
        await self._cluster.until_drained()

    async def _kill_amid_timers(
        self, service: ServiceName, look: Callable[[], Awaitable[str | None]], over: Callable[[], Awaitable[bool]]
    ) -> None:
        """Kill a process when `look` finds its timers at work, and start it again; too late is no fault."""
        victim = self._victim(service)
        if what := await self._frozen(victim, look, over):
            await self._cluster.kill(victim)
            self._tell(f"kill {service} amid timers", f"{victim}: {what}")
            await self._cluster.start(victim)

    async def _expiring(self, due: int) -> str | None:
        """That some of what was due has expired, and some has not."""
        left = await self._records_due()
        return f"{left} of {due} records have not expired yet" if 0 < left < due else None

    async def _expired(self) -> bool:
        return not await self._records_due()

    async def _records_due(self) -> int:
        assert self._cluster.now is not None
        return await self._cluster.records_due(self._cluster.now)

    async def _publishing(self, number: int) -> str | None:
        """That some shards have begun to publish, and are not done."""
        cursors = [shard["cursor"] for shard in await self._cluster.shards()]
        begun = [cursor for cursor in cursors if cursor.startswith(f"{number}:") and not cursor.endswith("done")]
        return f"{len(begun)} shards are publishing" if begun else None

    async def _published(self, number: int) -> bool:
        return all(shard["cursor"] == f"{number}:done" for shard in await self._cluster.shards())

    async def _kill(self, victim: str, fault: Fault) -> None:
        """SIGKILL, and a new start after a while; half of those that have a database die in the middle of a
        transaction, if it can be brought about while enough events are still to come."""
        what: str | None = None
        if service_of(victim) != "ingest" and fault.for_s < LASTS_S_MAX / 2:
            patience = _over(self._plan.share_s / 2)
            what = await self._frozen(victim, lambda: self._cluster.open_transactions(victim), patience)
        what = what or await self._frozen_at_work(victim)
        await self._cluster.kill(victim)
        self._tell(fault.act, f"{victim}: {what}")
        await asyncio.sleep(fault.for_s)  # the seed says how long the fault lasts
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
            await asyncio.sleep(self._rng.uniform(0.001, 0.02))  # the seed says when it is looked at again

    async def _stop_and_wake(self, service: ServiceName, fault: Fault) -> None:
        """The zombie: it stands still for longer than its session, others take its shards, and it wakes up."""
        victim = self._victim(service)
        what = await self._frozen_at_work(victim)
        await asyncio.sleep(
            _SESSION_S + 1 + 2 * fault.for_s
        )  # it has to miss its session, and the seed says by how much
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
        await asyncio.sleep(fault.for_s)  # the seed says how long the fault lasts
        await asyncio.to_thread(self._cluster.stack.start, name)
        # One after another: the next one dies when the records have all their copies again.
        await leaders.until_copied(self._cluster.kafka, self._plan.brokers)

    async def _delete_topic(self, fault: Fault) -> None:
        """A partner's topic of refusals is gone while records come that must be refused, and is made again."""
        await self._cluster.until(self._ingest_is_done, "what was refused so far is on the topic")
        self.heard.refusals += await self._cluster.read(rejected_topic(hostile.PARTNER))
        await self._cluster.delete_topics(rejected_topic(hostile.PARTNER))
        sent = await hostile.send_hostile(self._cluster.kafka, self._rng)
        await asyncio.sleep(fault.for_s)  # the seed says how long the fault lasts
        # A client that has seen the topic believes in it until a send to it has timed out.
        await self._cluster.until(self._ingest_is_done, "ingest goes on without the topic", _WITHOUT_TOPIC_TIMEOUT_S)
        await topic_admin.ensure_topics(self._cluster.kafka, self._cluster.partners)
        self._tell(fault.act, f"{sent} records to refuse meanwhile")

    async def _ingest_is_done(self) -> bool:
        return not await self._cluster.ingest_lag()

    def _victim(self, service: ServiceName) -> str:
        return self._rng.choice(numbers(self._cluster.processes, service))

    def _next(self, service: ServiceName) -> str:
        taken = {int(name.partition("-")[2]) for name in numbers(self._cluster.processes, service)}
        return f"{service}-{min(set(range(1, len(taken) + 2)) - taken)}"

    def _tell(self, act: Act | str, what: str) -> None:
        self._report.faults[act] += 1
        log.info("%6.1f s  %-30s %s", time.monotonic() - self._began, words(act), what)


def _over(timeout_s: float) -> Callable[[], Awaitable[bool]]:
    deadline = time.monotonic() + timeout_s

    async def over() -> bool:
        return time.monotonic() > deadline

    return over


def _either(*conditions: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        for condition in conditions:
            if await condition():
                return True
        return False

    return holds


async def _check(cluster: Cluster, stretches: Sequence[Stretch], heard: Heard, report: Report) -> None:
    messages = [message for stretch in stretches for message in stretch.messages]
    expected = expect([stretch.phase for stretch in stretches], scorecard(), ZONE, profile=profile())
    places, report.violations = places_of(messages, await cluster.read(*map(raw_topic, PARTNERS)))
    await heard.listen(cluster)
    records, scores, tiers = map(heard.on, (RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED))
    restored = any(act[0] == "restore" for act in report.faults)
    rejected = await cluster.read(*map(rejected_topic, PARTNERS))
    everything = await cluster.read(NORMALIZED, RECORDS_REPORTED)
    letters = await cluster.read(*map(dead_letter_topic, SERVICES))
    hostile_ends = await cluster.offsets.ends([raw_topic(hostile.PARTNER)])
    refusals = [*heard.refusals, *await cluster.read(rejected_topic(hostile.PARTNER))]
    hostile_answers = [*everything, *refusals, *letters]
    passed_on = [each for each in everything if not _is_hostile(each)]
    known = {message.person for message in passed_on}
    scores = [score for score in scores if score.user_id in known]
    tiers = [tier for tier in tiers if tier.user_id in known]
    letters = [letter for letter in letters if not _is_hostile(letter)]

    if not report.violations:
        report.violations = [
            *check_records(records, expected.records, heard.said_at, restored=restored),
            *check_scores(scores, expected.results, restored=restored, erased=expected.erased),
            *check_tiers(tiers, scores, expected.results, tier_table(), restored=restored),
            *check_refusals(rejected, places, expected, restored=restored),
            *check_normalized(passed_on, places, expected),
            *check_answers(heard.on(SUBJECT_ANSWERS), records, expected, restored=restored),
            *check_marks(heard.messages, _TOLD, expected.erased),
            *check_dead_letters(letters),
            *check_answered(hostile_ends, hostile_answers),
        ]
    for told, by in ((records, "id"), (scores, "id"), (tiers, "id"), (passed_on, "origin")):
        report.count(told, by)


def _is_hostile(message: Seen) -> bool:
    """Whether it answers a record of the partner whose events are not the oracle's."""
    return message.attribute("origin").startswith(f"{raw_topic(hostile.PARTNER)}/")
