"""What must have come out, computed again from what was sent and from the policy files.

Written apart from the services on purpose: it shares no code with them. The rules are those of `rule_book`; here is
what is said when. It knows monthly cadence, and only such lives of records as partners tell here: reported, told again
with another amount while they are open, settled at most once, disputed at most once and then confirmed or deleted. A
difference between this and the topics means that one of the two is wrong.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from goodstanding.simulation.events_and_news import Event, RecordNews, ScoreNews, TierNews
from goodstanding.simulation.rule_book import (
    CONTACTS_LAST_MONTHS,
    CONTACTS_MONTHS,
    Behavior,
    Held,
    bounded,
    circle,
    class_of,
    counts_from,
    lapses_at,
    month_of,
    read_policy,
    record_points,
)
from goodstanding.simulation.rule_book_features import scored, unknown_features
from goodstanding.simulation.rule_book_tiers import Publication, changes
from shared.contracts.kinds import KIND_OF, Ends, Shape
from shared.policy_file import scorecard_files, tier_files


class Due(NamedTuple):
    """When a record lapses, or its person has known of it for long enough."""

    at: datetime
    what: Literal["lapses", "counts"]


@dataclass(slots=True)
class _Record:
    kind: str
    began_on: date
    amount: int
    amount_at: datetime
    counts_from: datetime | None
    """Until then its person has not known of it for long enough; None from then on."""
    news: list[RecordNews] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        return bool(self.news) and self.news[-1].counts

    @property
    def is_open(self) -> bool:
        return self.news[-1].status not in ("expired", "deleted", "disputed") and self.news[-1].ended_on is None

    @property
    def due(self) -> Due | None:
        """What happens to it next by itself."""
        lapses_at = self.news[-1].lapses_at
        if self.news[-1].kind is None:
            return None
        if self.counts_from is not None and (lapses_at is None or self.counts_from < lapses_at):
            return Due(self.counts_from, "counts")
        return Due(lapses_at, "lapses") if lapses_at is not None else None


@dataclass(slots=True)
class _Person:
    behavior: Behavior = field(default_factory=Behavior)
    named: dict[str, int] = field(default_factory=dict)
    """The contacts by the last publication, each with the run from which on it has been one without a break."""
    records: dict[tuple[str, str], _Record] = field(default_factory=dict)
    points: int | None = None
    """What the rules but those of records gave at the last publication."""
    limits: list[int] = field(default_factory=list)
    """Those that held then."""
    thin: bool = True
    standing: int | None = None
    scores: list[ScoreNews] = field(default_factory=list)


class Recount:
    """Tell it of every event that must be taken, of every step of the clock and of every publication; then ask."""

    def __init__(self, policies: Path, profile: str, key: bytes, zone: ZoneInfo) -> None:
        cards = [read_policy(file) for file in scorecard_files(policies)]
        self._cards = sorted(cards, key=lambda card: card["effective_on"])
        self._tables = [read_policy(file) for file in tier_files(policies)]
        self._profile = read_policy(policies / "retention" / f"{profile}.toml")
        self._key, self.zone = key, zone
        self._now = datetime.min.replace(tzinfo=UTC)
        self._people: dict[str, _Person] = {}
        self._ids: set[tuple[str, str, str]] = set()
        self._due: list[tuple[datetime, int, _Person, _Record]] = []
        """A heap of what happens by itself, the earliest first. What has changed since is passed over."""
        self._order = count()
        self.accepted = 0
        self.repeated = 0
        for card in cards:
            if unknown := unknown_features(card):
                raise ValueError(f"The recount does not know the feature {unknown[0]}: teach it.")

    def sent(self, event: Event, now: datetime) -> None:
        """An event that nothing is wrong with, sent while the clock stood at `now`."""
        self.accepted += 1
        identity = (event.person, event.partner, event.id)
        if identity in self._ids:
            self.repeated += 1
            return
        self._ids.add(identity)
        person = self._people.setdefault(event.person, _Person())
        if KIND_OF[event.kind].shape is Shape.RECORD:
            self._report(person, event, now)
        else:
            person.behavior.hear(event, self.zone)

    def clock(self, now: datetime) -> None:
        """The clock was set: what is over by now lapses, and what is known for long enough counts, the earliest
        first."""
        self._now = now
        while (due := self.next_due()) and due.at <= now:
            _, _, person, record = heappop(self._due)
            last = record.news[-1]
            record.counts_from = None
            if last.lapses_at is not None and last.lapses_at <= now:
                self._tell(person, record, _gone("expired", now))
            elif last.status != "disputed":
                self._tell(person, record, last._replace(heard_at=now, counts=True))
            else:
                self._schedule(person, record)

    def disputed(self, account: str, partner: str, report: str, now: datetime) -> None:
        """The person has said that the record is wrong: it does not count until its provider has answered."""
        person = self._people[account]
        record = person.records[partner, report]
        self._tell(person, record, record.news[-1]._replace(heard_at=now, status="disputed", counts=False))

    def erased(self, account: str) -> None:
        """Everything about the person is gone, for subscribers too. Others are counted as they were until the next
        publication, which is not computed after this."""
        for record in self._people.pop(account, _Person()).records.values():
            record.news.append(_gone("deleted", self._now))

    def next_due(self) -> Due | None:
        """What happens next by itself to a record that is known."""
        while self._due:
            at, _, _, record = self._due[0]
            if (due := record.due) is not None and due.at == at:
                return due
            heappop(self._due)
        return None

    def published(self, number: int, now: datetime) -> None:
        """The publication of a month: it counts the complete months before it, for everybody who is known by then."""
        card = self._card_of(number)
        standings = {account: person.standing for account, person in self._people.items()}
        before = {account: person.named for account, person in self._people.items()}
        since, lasting_from = number - CONTACTS_MONTHS, number - CONTACTS_LAST_MONTHS
        for account, person in self._people.items():
            named = person.behavior.named(since, self.zone)
            # A contact is who named the account too, by the publication before.
            mutual = [other for other in named if account in before.get(other, ())]
            lasting = {
                other
                for other in mutual
                if other in person.named and max(person.named[other], before[other][account]) <= lasting_from
            }
            contacts = circle((standings[other], other in lasting) for other in mutual)
            person.named = {other: person.named.get(other, number) for other in named}
            person.points, person.limits = scored(card, person.behavior, number - 1, contacts)
            person.thin = person.behavior.history(number - 1) < card["months_min"]
            self._publish(person, now)
            # Others see what is left without the contacts, so that nobody's standing rests on another's.
            points, limits = scored(card, person.behavior, number - 1, None)
            person.standing = self._bounded(card, person, points, limits, number)[0]

    @property
    def scores(self) -> dict[str, list[ScoreNews]]:
        """By user_id, as the other two."""
        return {self.user_id(account): person.scores for account, person in self._people.items()}

    @property
    def tiers(self) -> dict[str, list[TierNews]]:
        found = {self.user_id(account): self._tiers_of(person) for account, person in self._people.items()}
        return {user_id: news for user_id, news in found.items() if news}

    @property
    def records(self) -> dict[str, list[list[RecordNews]]]:
        """The news of each record, in no order of records."""
        return {
            self.user_id(account): [record.news for record in person.records.values()]
            for account, person in self._people.items()
            if person.records
        }

    def user_id(self, account: str) -> str:
        """The pseudonym under which the platform knows the account."""
        return hmac.new(self._key, b"account:" + account.encode(), "sha256").hexdigest()

    def _report(self, person: _Person, event: Event, now: datetime) -> None:
        key = (event.partner, event.report)
        record = person.records.get(key)
        if event.outcome:
            assert record is not None, "the answer to what was never reported: teach the recount"
            self._answer(person, record, event.outcome, now)
            return
        if record is None:
            assert event.began_on is not None
            notice_until = counts_from(event.kind, now, self._profile)
            record = person.records[key] = _Record(event.kind, event.began_on, event.amount, event.time, notice_until)
            ends_at_once = KIND_OF[event.kind].ends is Ends.AT_ONCE
            status, ended_on = "open", event.began_on if ends_at_once else None
        elif event.ended_on is None:
            assert record.is_open, "told again what is known: teach the recount"
            assert event.time > record.amount_at, "an older balance: teach the recount"
            assert event.amount != record.amount, "told again what is known: teach the recount"
            record.amount, record.amount_at = event.amount, event.time
            status, ended_on = "open", None
        else:
            assert record.is_open, "told again what is known: teach the recount"
            status, ended_on = "settled", event.ended_on
        news = RecordNews(
            now,
            record.kind,
            status,
            record.began_on,
            ended_on,
            lapses_at(record.kind, ended_on, self._profile) if ended_on else None,
            counts=record.counts_from is None,
        )
        self._tell(person, record, news)

    def _answer(self, person: _Person, record: _Record, outcome: str, now: datetime) -> None:
        last = record.news[-1]
        assert last.status == "disputed", "an answer that nobody has asked for: teach the recount"
        if outcome == "deleted":
            self._tell(person, record, _gone("deleted", now))
            return
        counts = record.counts_from is None
        self._tell(person, record, last._replace(heard_at=now, status=outcome, counts=counts))

    def _tell(self, person: _Person, record: _Record, news: RecordNews) -> None:
        """A new version of the record. It leads to one of the score if the record counted before or counts now, and if
        a record ends that has ever counted, because subscribers may have heard of that one."""
        bore = record.counts
        ends = news.kind is None and any(each.counts for each in record.news)
        record.news.append(news)
        self._schedule(person, record)
        if bore or news.counts or ends:
            self._publish(person, news.heard_at)

    def _schedule(self, person: _Person, record: _Record) -> None:
        if due := record.due:
            heappush(self._due, (due.at, next(self._order), person, record))

    def _publish(self, person: _Person, now: datetime) -> None:
        """A new version: the points of the last publication, and what follows from the records as they are."""
        points, limits, run = person.points, person.limits, self._last_run(now)
        card = self._card_of(run)
        if points is None:
            points, limits = scored(card, Behavior(), 0, None)
        score, closed = self._bounded(card, person, points, limits, run)
        person.scores.append(ScoreNews(now, score, person.thin, closed))

    def _bounded(self, card: dict[str, Any], person: _Person, points: int, limits: Any, run: int) -> Any:
        held = [
            Held(class_of(record.kind), record.amount, record.news[-1].ended_on)
            for record in person.records.values()
            if record.counts
        ]
        return bounded(card, points + record_points(card, held, run - 1), limits, held)

    def _last_run(self, now: datetime) -> int:
        month, day = month_of(now, self.zone), now.astimezone(self.zone).day
        return month if day >= self._card_of(month)["publication_day"] else month - 1

    def _card_of(self, run: int) -> dict[str, Any]:
        """The scorecard by which the run of a month publishes: that which has begun last by the day of the run."""
        begun = [
            card
            for card in self._cards
            if card["effective_on"] <= date(run // 12, run % 12 + 1, card["publication_day"])
        ]
        return begun[-1] if begun else self._cards[0]

    def _tiers_of(self, person: _Person) -> list[TierNews]:
        """A message for each change of tier, benefits or restrictions, and for each fall that begins or is over."""
        publications = [Publication(*score) for score in person.scores]
        until = max(self._now, person.scores[-1].as_of) if person.scores else self._now
        return [
            TierNews(
                change.as_of,
                change.after.tier,
                tuple(code for code in change.after.in_force if code not in change.before.in_force),
                tuple(code for code in change.before.in_force if code not in change.after.in_force),
                change.after.in_force,
                change.after.restrictions,
                change.after.falls_at,
            )
            for change in changes(publications, self._tables, self.zone, until)
        ]


def _gone(status: str, now: datetime) -> RecordNews:
    return RecordNews(now, None, status, None, None, None)
