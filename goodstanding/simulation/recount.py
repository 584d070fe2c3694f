"""What must have come out, computed anew from what was sent and from the policy files.

Written apart from the services on purpose: it shares no code with them, keeps every event instead of sums, and is as
plain as can be. It knows monthly cadence, and only such lives of records as partners tell here: reported, told again
with another amount while they are open, settled at most once. A difference between this and the topics means that one
of the two is wrong.
"""

from __future__ import annotations

import hmac
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from shared.contracts import zones
from shared.contracts.kinds import KIND_OF, Ends, Shape

BASE, BEST = 350, 950
_CONTACTS_MIN, _CONTACTS_BAND, _CONTACTS_MONTHS = 5, 100, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event as its partner means it, in the platform's words. `person` and `contact` are accounts, `amount` is in
    minor units; `report`, `began_on` and `ended_on` are those of a negative record, which has ended if it has a day."""

    partner: str
    person: str
    id: str
    time: datetime
    kind: str
    count: int = 1
    amount: int = 0
    days_late: int = 0
    reverses: bool = False
    value: str = ""
    contact: str = ""
    consent: str = ""
    report: str = ""
    began_on: date | None = None
    ended_on: date | None = None


class ScoreNews(NamedTuple):
    """What `scores.changed` says of a person, without what only explains it."""

    as_of: datetime
    score: int
    thin: bool
    restrictions: tuple[str, ...]


class TierNews(NamedTuple):
    """What `tiers.changed` says."""

    as_of: datetime
    tier: str | None
    granted: tuple[str, ...]
    revoked: tuple[str, ...]
    in_force: tuple[str, ...]
    restrictions: tuple[str, ...]


class RecordNews(NamedTuple):
    """What `records.changed` says; `heard_at` is the instant that the clock showed when it was said. Of a record that
    has expired it says nothing but that."""

    heard_at: datetime
    kind: str | None
    status: str
    began_on: date | None
    ended_on: date | None
    lapses_at: datetime | None


@dataclass(slots=True)
class _Record:
    kind: str
    began_on: date
    amount: int
    amount_at: datetime
    news: list[RecordNews] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        return self.news[-1].status != "expired"

    @property
    def is_open(self) -> bool:
        return self.counts and self.news[-1].ended_on is None

    @property
    def lapses_at(self) -> datetime | None:
        """None while it is open, and once it has lapsed."""
        return self.news[-1].lapses_at


@dataclass(slots=True)
class _Person:
    done: dict[int, list[Event]] = field(default_factory=dict)
    """Obligations and activities by month."""
    facts: dict[str, Event] = field(default_factory=dict)
    figures: dict[tuple[int, str, str, str], Event] = field(default_factory=dict)
    """The latest by (month, kind, partner, consent)."""
    contacts: dict[str, Event] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    """Whose contact the person was said to be by the last publication."""
    records: dict[tuple[str, str], _Record] = field(default_factory=dict)
    points: int | None = None
    """Base and rules but those of records, as of the last publication."""
    thin: bool = True
    standing: int | None = None
    kept: int = 0
    """The best tier, as a position, since the last publication without restrictions."""
    scores: list[ScoreNews] = field(default_factory=list)
    tiers: list[TierNews] = field(default_factory=list)


class Recount:
    """Tell it of every event that must be taken, of every step of the clock and of every publication; then ask."""

    def __init__(self, policies: Path, profile: str, key: bytes, zone: ZoneInfo) -> None:
        self._card = _read(policies / "scorecard.toml")
        rules = self._card["rules"]
        self._record_rules = [rule for rule in rules if rule["measure"] == "negative_records"]
        self._rules = [rule for rule in rules if rule not in self._record_rules]
        self._table = _read(policies / "benefits.toml")
        self._profile = _read(policies / "retention" / f"{profile}.toml")
        self._key, self._zone = key, zone
        self._people: dict[str, _Person] = {}
        self._ids: set[tuple[str, str, str]] = set()
        self.accepted = 0
        self.repeated = 0
        for rule in self._rules:
            if rule["measure"] not in _MEASURES:
                raise ValueError(f"The recount does not know the measure {rule['measure']}: teach it.")
            rule["kinds"] = frozenset(rule.get("kinds", ()))

    def sent(self, event: Event, now: datetime) -> None:
        """An event that nothing is wrong with, sent while the clock stood at `now`."""
        self.accepted += 1
        identity = (event.person, event.partner, event.id)
        if identity in self._ids:
            self.repeated += 1
            return
        self._ids.add(identity)
        person = self._people.setdefault(event.person, _Person())
        month = _month(event.time.astimezone(self._zone))
        match KIND_OF[event.kind].shape:
            case Shape.OBLIGATION | Shape.ACTIVITY:
                person.done.setdefault(month, []).append(event)
            case Shape.FACT:
                _keep_latest(person.facts, event.kind, event)
            case Shape.FIGURE:
                _keep_latest(person.figures, (month, event.kind, event.partner, event.consent), event)
            case Shape.CONTACT:
                _keep_latest(person.contacts, event.contact, event)
            case Shape.RECORD:
                self._report(person, event, now)

    def clock(self, now: datetime) -> None:
        """The clock was set: what is over by now lapses, the earliest first."""
        while (lapse := self._next_lapse()) and lapse[0] <= now:
            _, person, record = lapse
            record.news.append(RecordNews(now, None, "expired", None, None, None))
            self._publish(person, now)

    def next_lapse(self) -> datetime | None:
        """When the next record lapses, of those that are known."""
        found = self._next_lapse()
        return found[0] if found else None

    def published(self, number: int, now: datetime) -> None:
        """The publication of a month: it counts the complete months before it, for everybody who is known by then."""
        standings = {account: person.standing for account, person in self._people.items()}
        before = {account: person.named for account, person in self._people.items()}
        since = number - _CONTACTS_MONTHS
        for account, person in self._people.items():
            named = person.named = _named(person, since, self._zone)
            contacts = _contacts_standing(account, named, standings, before)
            points = sum(_MEASURES[rule["measure"]](rule, person, number - 1, contacts) for rule in self._rules)
            person.points = BASE + points
            person.thin = _history(person, number - 1) < self._card["months_min"]
            self._publish(person, now)
            person.standing = person.scores[-1].score

    @property
    def scores(self) -> dict[str, list[ScoreNews]]:
        """By user_id, as the other two."""
        return {self.user_id(account): person.scores for account, person in self._people.items()}

    @property
    def tiers(self) -> dict[str, list[TierNews]]:
        return {self.user_id(account): person.tiers for account, person in self._people.items() if person.tiers}

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
        if record is None:
            assert event.began_on is not None
            record = person.records[key] = _Record(event.kind, event.began_on, event.amount, event.time)
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
        record.news.append(
            RecordNews(now, record.kind, status, record.began_on, ended_on, self._lapses_at(record.kind, ended_on))
        )
        self._publish(person, now)

    def _lapses_at(self, kind: str, ended_on: date | None) -> datetime | None:
        """The end of the same day so many years on, or of that month's last one."""
        if ended_on is None:
            return None
        year, day = ended_on.year + self._profile["years"][_class_of(kind)], ended_on.day
        while not _exists(year, ended_on.month, day):
            day -= 1
        following = date(year, ended_on.month, day) + timedelta(days=1)
        return datetime.combine(following, datetime.min.time(), zones.zone(self._profile["zone"]))

    def _next_lapse(self) -> tuple[datetime, _Person, _Record] | None:
        lapses = (
            (record.lapses_at, person, record)
            for person in self._people.values()
            for record in person.records.values()
            if record.lapses_at
        )
        return min(lapses, key=lambda lapse: lapse[0], default=None)

    def _publish(self, person: _Person, now: datetime) -> None:
        """A new version: the points of the last publication, and what follows from the records as they are."""
        points = person.points
        if points is None:
            points = BASE + sum(rule["unknown"] for rule in self._rules)
        points += sum(_records(rule, person) for rule in self._record_rules)
        classes = {_class_of(record.kind) for record in person.records.values() if record.is_open}
        ceiling = min((self._card["ceilings"].get(each, BEST) for each in classes), default=BEST)
        closed = {code for each in classes for code in self._card["restrictions"].get(each, ())}
        score = min(max(points, BASE), ceiling)
        person.scores.append(ScoreNews(now, score, person.thin, tuple(sorted(closed))))
        self._award(person, person.scores[-1])

    def _award(self, person: _Person, news: ScoreNews) -> None:
        """Tier and benefits by the new score, and a message if anything is another than before."""
        position = sum(1 for tier in self._table["tiers"] if tier["from"] <= news.score)
        if news.thin:
            position = min(position, person.kept)
        person.kept = max(person.kept, position) if news.restrictions else position
        reached = self._table["tiers"][:position]
        every = [benefit["code"] for tier in self._table["tiers"] for benefit in tier["benefits"]]
        closed = {code for each in news.restrictions for code in self._table["restrictions"].get(each, every)}
        has = [benefit["code"] for tier in reached for benefit in tier["benefits"] if benefit["code"] not in closed]
        tier = reached[-1]["code"] if reached else None
        last = person.tiers[-1] if person.tiers else TierNews(news.as_of, None, (), (), (), ())
        if (last.tier, last.in_force, last.restrictions) == (tier, tuple(has), news.restrictions):
            return
        had = last.in_force
        granted = tuple(code for code in has if code not in had)
        revoked = tuple(code for code in had if code not in has)
        person.tiers.append(TierNews(news.as_of, tier, granted, revoked, tuple(has), news.restrictions))


# -- the measures, each from the comment beside it in the policy file -------------------------------------------------


def _share_on_time(rule: Mapping[str, Any], person: _Person, through: int, _: int | None) -> int:
    due = late = 0
    for event in _window(rule, person, through):
        due += event.count
        late += event.count if event.days_late else 0
    return _band(rule, (due - late) * 1000 // due) if due else int(rule["unknown"])


def _active_months(rule: Mapping[str, Any], person: _Person, through: int, _: int | None) -> int:
    if (history := _history(person, through)) <= 0:
        return int(rule["unknown"])
    active = 0
    for month in person.done.keys() & _months(rule, through):
        net: Counter[str] = Counter()
        for event in person.done[month]:
            if event.kind in rule["kinds"]:
                net[event.kind] += -event.count if event.reverses else event.count
        active += any(count > 0 for count in net.values())
    points = _band(rule, active)
    # Before a person's first month nobody knows, so a short history costs no more than none.
    return points if history >= rule["window_months"] else max(points, int(rule["unknown"]))


def _latest_figure(rule: Mapping[str, Any], person: _Person, through: int, _: int | None) -> int:
    highest: dict[int, int] = {}
    for (month, kind, _partner, _consent), event in person.figures.items():
        if kind in rule["kinds"] and month in _months(rule, through):
            highest[month] = max(event.amount, highest.get(month, 0))
    steady = sorted(highest, reverse=True)[: rule["steady_months"]]
    known = len(steady) == rule["steady_months"]
    return _band(rule, min(highest[month] for month in steady)) if known else int(rule["unknown"])


def _fact(rule: Mapping[str, Any], person: _Person, *_: object) -> int:
    fact = person.facts.get(rule["kind"])
    return int(rule["values"].get(fact.value, rule["unknown"]) if fact else rule["unknown"])


def _contacts(rule: Mapping[str, Any], person: _Person, through: int, contacts: int | None) -> int:
    return int(rule["unknown"]) if contacts is None else _band(rule, contacts)


def _records(rule: Mapping[str, Any], person: _Person) -> int:
    counting = [record for record in person.records.values() if record.counts]
    points = [rule["unsettled" if record.is_open else "settled"][_class_of(record.kind)] for record in counting]
    return int(max(sum(points), rule["lowest"]))


_MEASURES: Mapping[str, Callable[[Mapping[str, Any], _Person, int, int | None], int]] = {
    "share_on_time": _share_on_time,
    "active_months": _active_months,
    "latest_figure": _latest_figure,
    "fact": _fact,
    "contacts_standing": _contacts,
}


def _named(person: _Person, since: int, zone: ZoneInfo) -> frozenset[str]:
    """The contacts by the latest word about each, unless that is older than anything is remembered."""
    told = person.contacts.items()
    return frozenset(c for c, e in told if e.value == "present" and _month(e.time.astimezone(zone)) >= since)


def _contacts_standing(
    account: str, named: Iterable[str], standings: Mapping[str, int | None], before: Mapping[str, frozenset[str]]
) -> int | None:
    """Where the mean band of the contacts begins; None with too few of them. A contact is who named the account too, by
    the publication before, and is seen in the band of the standing of that publication."""
    mutual = [standings[other] for other in named if account in before.get(other, ())]
    bands = [(standing - BASE) // _CONTACTS_BAND for standing in mutual if standing is not None]
    if len(bands) < _CONTACTS_MIN:
        return None
    return BASE + sum(bands) // len(bands) * _CONTACTS_BAND


def _window(rule: Mapping[str, Any], person: _Person, through: int) -> Iterator[Event]:
    for month in person.done.keys() & _months(rule, through):
        yield from (event for event in person.done[month] if event.kind in rule["kinds"])


def _months(rule: Mapping[str, Any], through: int) -> range:
    return range(through - rule["window_months"] + 1, through + 1)


def _history(person: _Person, through: int) -> int:
    """How many months back the first obligation or activity is, that month included."""
    return through - min(person.done) + 1 if person.done else 0


def _band(rule: Mapping[str, Any], measured: int) -> int:
    reached: Iterable[Mapping[str, int]] = (band for band in rule["bands"] if measured >= band["at_least"])
    return max(reached, key=lambda band: band["at_least"])["points"]


K = TypeVar("K", str, tuple[int, str, str, str])


def _keep_latest(table: dict[K, Event], key: K, event: Event) -> None:
    if key not in table or event.time > table[key].time:
        table[key] = event


def _class_of(kind: str) -> str:
    return str(KIND_OF[kind].record_class)


def _month(local: datetime) -> int:
    return local.year * 12 + local.month - 1


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))
