"""The few moments at which a process must not be trusted, each brought about exactly.

A gate holds a process at one line of its code; it is killed there, or others take over and it wakes up too late. What
must then hold is what holds after a campaign. With the mutant that belongs to it, a scenario must come to violations.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from services.retention.core.fingerprint import dispute_id, record_id
from shared.contracts.topics import (
    NORMALIZED,
    RECORDS_CHANGED,
    RECORDS_REPORTED,
    SCORES_CHANGED,
    SERVICES,
    SUBJECT_ANSWERS,
    dead_letter_topic,
    raw_topic,
    rejected_topic,
)
from tests.faults import mutants
from tests.faults.checker import (
    check_dead_letters,
    check_normalized,
    check_records,
    check_refusals,
    check_scores,
    lives,
    places_of,
)
from tests.faults.cluster import PARTNER, Cluster, Feeder, running
from tests.faults.events import PARTNERS, ZONE, Message, Person, message_of
from tests.faults.mutants import Gate
from tests.faults.policy import profile, scorecard
from tests.support.oracle.records import Report
from tests.support.oracle.scores import Event, Expected, Phase, Request, expect

NOW = datetime(2026, 3, 20, tzinfo=UTC)
KEY = b"scenarios: 32 bytes and a little"
PROCESSES = [f"{service}-1" for service in SERVICES]
_SESSION_MS = 1_500


class Story:
    """One person's bills, sent one after the other, and what must have become of those that were sent so far."""

    def __init__(self, cluster: Cluster, feeder: Feeder, now: datetime, mutant: str) -> None:
        self.cluster, self._feeder, self._now = cluster, feeder, now
        self._environment = mutants.environment(mutant) if mutant else {}
        self._told: list[Message] = []
        self._asked: list[tuple[int, Request]] = []
        """Each request, and how many messages came before it."""
        self._numbers = itertools.count(1)
        self.person = Person(0, KEY)

    @property
    def kafka(self) -> str:
        return self.cluster.deployment.addresses.kafka

    def new_person(self) -> None:
        self.person = Person(next(self._numbers), KEY)

    async def tell(self, *, days_late: int = 0) -> None:
        """One more bill. After a late one, every further one changes the score."""
        await self._tell("gas.bill", days_late=days_late)

    async def report(self, report: Report) -> None:
        await self._tell(report.kind, report=report)

    async def figure(self) -> None:
        """An income, under the one consent that a scenario is about."""
        await self._tell("income.reported", amount=900_000, consent="consent-1")

    async def ask(self, **what: Any) -> Request:
        """The person asks, when all is handled that was told so far."""
        request = Request(id=f"q-{next(self._numbers)}", person=self.person.user_id, partner="north", **what)
        await self._ask(request)
        return request

    async def dispute(self, report_id: str) -> str:
        """The person says that a record is wrong; the number of the dispute."""
        id, name = f"q-{next(self._numbers)}", record_id(KEY, self.person.user_id, "north", report_id)
        number = dispute_id(KEY, name, id)
        person = self.person.user_id
        await self._ask(
            Request(
                id=id, person=person, ask="dispute", partner="north", report_id=report_id, record_id=name, number=number
            )
        )
        return number

    async def _ask(self, request: Request) -> None:
        self._asked.append((len(self._told), request))
        await self._feeder.ask([request], self._now)

    async def until_receipt(self, request: Request) -> None:
        async def receipt() -> bool:
            said = await self.cluster.read(SUBJECT_ANSWERS)
            return any("digest" in m.body and m.body.get("request_id") == request.id for m in said)

        await self.cluster.until(receipt, "the person is erased")

    async def until_erased(self, request: Request) -> None:
        """In the services behind ingest; benefits is the last of them. The receipt waits for ingest too, which may be
        held."""

        async def erased() -> bool:
            said = await self.cluster.read(SUBJECT_ANSWERS)
            return any(m.body.get("service") == "benefits" and m.body.get("request_id") == request.id for m in said)

        await self.cluster.until(erased, "the person is erased")

    def _phases(self) -> list[Phase]:
        """What was told, and what was asked in between."""
        phases, begin = [], 0
        for at, together in itertools.groupby(self._asked, key=lambda asked: asked[0]):
            sent = [message.sent for message in self._told[begin:at]]
            phases.append(Phase(self._now, sent, requests=[request for _, request in together]))
            begin = at
        return [*phases, Phase(self._now, [message.sent for message in self._told[begin:]])]

    async def _tell(self, kind: str, *, days_late: int = 0, report: Report | None = None, **fields: Any) -> None:
        number = next(self._numbers)
        event = Event(
            person=self.person.user_id,
            partner="north",
            id=f"event-{number}",
            time=self._now - timedelta(days=20) + timedelta(minutes=number),
            kind=kind,
            days_late=days_late,
            report=report,
            **fields,
        )
        await self._send(message_of(event, self.person.account))

    async def repeat(self) -> None:
        """The last bill once more, as the very same event."""
        await self._send(self._told[-1])

    async def contradict(self) -> None:
        """Another bill under the last one's id."""
        event = self._told[-1].sent.event
        assert event is not None
        await self._send(message_of(replace(event, days_late=event.days_late + 1), self.person.account))

    async def handled(self) -> None:
        await self.cluster.until_drained()

    async def epochs(self) -> list[int]:
        return [shard["epoch"] for shard in await self.cluster.shards()]

    async def ingested(self) -> None:
        async def committed() -> bool:
            return not await self.cluster.ingest_lag()

        await self.cluster.until(committed, "ingest has passed it on")

    async def until_trouble(self, name: str, word: str, timeout_s: float = 20.0) -> None:
        """Until the process says that it is not ready, for a reason with this word in it."""

        async def told() -> bool:
            trouble = await asyncio.to_thread(self.cluster.processes[name].trouble)
            return trouble is not None and word in trouble

        await self.cluster.until(told, f"{name} is not ready because of {word}", timeout_s)

    async def start(self, name: str, gate: Gate | None = None) -> None:
        await self.cluster.start(name, settings={**(gate.environment if gate else {}), **self._environment})

    def gate(self, point: str) -> Gate:
        directory = self.cluster.deployment.directory / f"gate-{next(self._numbers)}"
        directory.mkdir()
        return Gate(point, directory)

    async def held(self, gate: Gate) -> None:
        async def holding() -> bool:
            return gate.holding

        await self.cluster.until(holding, f"the process stands at {gate.point}")

    async def violations(self) -> list[str]:
        """Every violation, given everything that was sent."""
        violations, places, expected = await self._judged()
        return [
            *violations,
            *check_normalized(await self.cluster.read(NORMALIZED, RECORDS_REPORTED), places, expected),
            *check_dead_letters(await self.cluster.read(*map(dead_letter_topic, SERVICES))),
        ]

    async def violations_seen_outside(self) -> list[str]:
        """What partners and subscribers would see of it: for tests that write between the services themselves."""
        return (await self._judged())[0]

    async def _judged(self) -> tuple[list[str], list[str], Expected]:
        await self.handled()
        expected = expect(self._phases(), scorecard(), ZONE, profile=profile())
        places, misplaced = places_of(self._told, await self.cluster.read(*map(raw_topic, PARTNERS)))
        assert not misplaced, misplaced
        said = lives(await self.cluster.read(SCORES_CHANGED))
        scores = check_scores(said, expected.results, erased=expected.erased)
        said = lives(await self.cluster.read(RECORDS_CHANGED))
        records = check_records(said, expected.records, lambda _: self._now)
        rejected = await self.cluster.read(*map(rejected_topic, PARTNERS))
        return [*scores, *records, *check_refusals(rejected, places, expected)], places, expected

    async def _send(self, message: Message) -> None:
        self._told.append(message)
        await self._feeder.send([message])


Scenario = Callable[[Story], Awaitable[None]]


@asynccontextmanager
async def telling(
    directory: Path,
    mutant: str = "",
    *,
    now: datetime = NOW,
    clock: Literal["system", "stepped"] = "stepped",
    partners: Mapping[str, str] | None = None,
) -> AsyncIterator[Story]:
    """Servers and a story without any service yet. With a mutant every process of it is one."""
    settings = {"GOODSTANDING_SESSION_TIMEOUT_MS": str(_SESSION_MS), "GOODSTANDING_BATCH_RECORDS_MAX": "100"}
    async with running(directory, key=KEY, now=now, clock=clock, settings=settings, partners=partners) as cluster:
        yield Story(cluster, Feeder(cluster.kafka), now, mutant)


@asynccontextmanager
async def by_the_system_clock(directory: Path) -> AsyncIterator[Story]:
    """The whole platform by the system's clock, a process of each service, which has passed its first monthly run."""
    partners = dict.fromkeys(PARTNERS, PARTNER)
    async with telling(directory, now=datetime.now(UTC), clock="system", partners=partners) as story:
        await story.cluster.start(*PROCESSES)
        await story.cluster.until_run_done()
        yield story


async def play(story: Story, scenario: Scenario) -> list[str]:
    """One scenario, for a person of its own, in a story that may have had others before."""
    story.new_person()
    await scenario(story)
    violations = await story.violations()
    for name in list(story.cluster.processes):
        await story.cluster.stop(name)
    return violations


# -- scorer ------------------------------------------------------------------------------------------------------------


async def _published_then_held(story: Story, gate: Gate) -> None:
    """A scorer that has published the first version, and is held with the second bill at the gate."""
    await story.start("ingest-1")
    await story.start("scorer-1", gate)
    await story.cluster.until_run_done()
    await story.tell(days_late=9)
    await story.handled()
    gate.arm()
    await story.tell()
    await story.held(gate)


async def _killed_at(story: Story, point: str) -> None:
    """Killed there, with a third bill waiting when the next one takes over, so that its batches are others."""
    gate = story.gate(point)
    await _published_then_held(story, gate)
    await story.tell()
    await story.ingested()
    await story.cluster.kill("scorer-1")
    await story.start("scorer-2")
    await story.handled()


async def _woken_at(story: Story, point: str) -> None:
    """Held there until others have taken over and published more; then it goes on where it stood.

    When it has joined again, every shard has been claimed anew: the woken one's step has come to its end, and what it
    may have left in the outbox has been sent.
    """
    gate = story.gate(point)
    await _published_then_held(story, gate)
    await story.start("scorer-2")
    await story.tell()
    await story.handled()
    epochs = await story.epochs()
    gate.open()

    async def joined_again() -> bool:
        return all(now > before for now, before in zip(await story.epochs(), epochs, strict=True))

    await story.cluster.until(joined_again, "the woken process has joined again")
    await story.handled()


async def _continued_by_others(story: Story) -> None:
    """What the database holds, and not what anybody remembers, is what the next bill is added to."""
    for name in ("scorer-1", "scorer-2"):
        await story.cluster.kill(name)
    await story.tell()
    await story.start("scorer-3")
    await story.handled()


async def killed_in_a_transaction(story: Story) -> None:
    await _killed_at(story, "in-transaction")


async def killed_between_commit_and_send(story: Story) -> None:
    await _killed_at(story, "before-send")


async def killed_after_sending(story: Story) -> None:
    await _killed_at(story, "after-send")


async def woken_before_its_transaction(story: Story) -> None:
    await _woken_at(story, "before-transaction")
    await _continued_by_others(story)


async def woken_in_a_transaction(story: Story) -> None:
    await _woken_at(story, "in-transaction")
    await _continued_by_others(story)


async def woken_between_commit_and_send(story: Story) -> None:
    await _woken_at(story, "before-send")


async def the_same_event_again(story: Story) -> None:
    await story.start("ingest-1")
    await story.start("scorer-1")
    for days_late in (9, 0, 0):
        await story.tell(days_late=days_late)
        await story.repeat()
        await story.contradict()
    await story.handled()


# -- retention ---------------------------------------------------------------------------------------------------------


async def the_same_report_again(story: Story) -> None:
    """A partner repeats what it told of a record; so does an ingest that is killed before it has committed, here with a
    report in hand that is refused."""
    gate = story.gate("after-forwarding")
    for name in ("retention-1", "scorer-1"):
        await story.start(name)
    await story.start("ingest-1", gate)
    reported = Report(id="r", kind="ride.unpaid", status="reported", began_on=date(2025, 1, 10))
    settled = Report(id="r", kind="ride.unpaid", status="settled", ended_on=date(2025, 2, 10))
    too_late = replace(reported, id="s", began_on=date(2023, 1, 10), ended_on=date(2023, 2, 10))
    for report in (reported, settled):
        await story.report(report)
        await story.repeat()
    await story.handled()
    gate.arm()
    await story.report(too_late)
    await story.held(gate)
    await story.cluster.kill("ingest-1")
    await story.start("ingest-2")
    await story.handled()


async def a_dispute_answered_again(story: Story) -> None:
    """A provider repeats its answer, and so does an ingest that is killed before it has committed."""
    gate = story.gate("after-forwarding")
    for name in ("retention-1", "scorer-1"):
        await story.start(name)
    await story.start("ingest-1", gate)
    await story.report(Report(id="d", kind="ride.unpaid", status="reported", began_on=date(2025, 1, 10)))
    await story.handled()
    number = await story.dispute("d")
    await story.handled()
    answer = Report(id="d", kind="ride.unpaid", status="resolved", outcome="confirmed", dispute=number)
    await story.report(answer)
    await story.repeat()
    await story.handled()
    gate.arm()
    await story.repeat()
    await story.held(gate)
    await story.cluster.kill("ingest-1")
    await story.start("ingest-2")
    await story.handled()


# -- what people ask of the scorer -------------------------------------------------------------------------------------


async def a_figure_after_its_consent_was_withdrawn(story: Story) -> None:
    for name in ("ingest-1", "retention-1", "scorer-1"):
        await story.start(name)
    await story.tell(days_late=9)
    await story.figure()
    await story.handled()
    await story.ask(ask="withdraw-consent", consent="consent-1")
    await story.handled()
    await story.figure()
    await story.handled()


async def erased_with_an_event_on_its_way(story: Story) -> None:
    """ingest has the event in hand when its person is erased, and passes it on afterwards (rules I12)."""
    gate = story.gate("before-forwarding")
    await story.start("ingest-1", gate)
    for name in ("retention-1", "scorer-1", "benefits-1"):
        await story.start(name)
    await story.tell(days_late=9)
    await story.handled()
    gate.arm()
    await story.tell()
    await story.held(gate)
    request = await story.ask(ask="erase")
    await story.until_erased(request)
    gate.open()
    await story.handled()


# -- ingest ------------------------------------------------------------------------------------------------------------


async def _ingest_killed_at(story: Story, point: str) -> None:
    gate = story.gate(point)
    await story.start("scorer-1")
    await story.start("ingest-1", gate)
    await story.tell(days_late=9)
    await story.handled()
    gate.arm()
    await story.tell()
    await story.contradict()
    await story.held(gate)
    await story.tell()
    await story.cluster.kill("ingest-1")
    await story.start("ingest-2")
    await story.handled()


async def ingest_killed_before_sending(story: Story) -> None:
    await _ingest_killed_at(story, "before-forwarding")


async def ingest_killed_before_committing(story: Story) -> None:
    await _ingest_killed_at(story, "after-forwarding")


SCENARIOS: tuple[Scenario, ...] = (
    killed_in_a_transaction,
    killed_between_commit_and_send,
    killed_after_sending,
    woken_before_its_transaction,
    woken_in_a_transaction,
    woken_between_commit_and_send,
    the_same_event_again,
    the_same_report_again,
    a_dispute_answered_again,
    a_figure_after_its_consent_was_withdrawn,
    ingest_killed_before_sending,
    ingest_killed_before_committing,
    # The last one, since every service that has once taken part is waited for.
    erased_with_an_event_on_its_way,
)

CAUGHT_BY: tuple[tuple[str, Scenario, str], ...] = (
    ("send-before-commit", killed_after_sending, "that this database never decided"),
    ("epoch-not-compared", woken_before_its_transaction, "dead letter"),
    ("sending-not-fenced", woken_between_commit_and_send, "lies behind version"),
    ("outbox-not-resent", killed_between_commit_and_send, "follows version"),
    ("offsets-before-sending", ingest_killed_before_sending, "did not come out of ingest"),
    ("duplicates-not-dropped", the_same_event_again, "published Result"),
    ("settlements-not-recognized", the_same_report_again, "of records expected"),
    ("answers-not-recognized", a_dispute_answered_again, "of records expected"),
    ("withdrawals-not-remembered", a_figure_after_its_consent_was_withdrawn, "refused with {'consent-withdrawn'}"),
    ("erasures-not-remembered", erased_with_an_event_on_its_way, "expected None"),
)
"""Each mutant, the scenario that shows what it breaks, and what the checker, or the next owner, then says."""
