"""What must hold on the topics after any faults: each function returns its violations as sentences, at best none.

They read what partners and subscribers could read, and what the oracle expects; of the services they know nothing.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import islice, zip_longest
from types import MappingProxyType
from typing import Any

from aiokafka import TopicPartition

from shared.contracts.erasure import is_nobody
from shared.contracts.partition import partition_of
from shared.contracts.topics import raw_topic
from tests.faults.events import Headers, Message
from tests.support.oracle import tiers as tiers_oracle
from tests.support.oracle.records import News
from tests.support.oracle.scores import Expected, Result
from tests.support.oracle.tiers import Publication, Standing

_TOLD_MAX = 5
"""The number of violations of one kind that are reported; thousands would say no more."""

_REFUSED_LATER = frozenset(
    (
        *("too-late", "too-many", "conflict", "lapsed", "re-ageing", "dates-contradict"),
        *("not-disputed", "answered", "deleted", "consent-withdrawn"),
    )
)
"""Refusals that need a person's state, and so come from the scorer or from retention."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as a subscriber read it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def place(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def content(self) -> tuple[bytes | None, bytes | None, Headers]:
        return self.key, self.value, self.headers

    def attribute(self, name: str) -> str:
        return next((value.decode() for header, value in self.headers if header == f"ce_{name}"), "")

    @property
    def person(self) -> str:
        return (self.key or b"").decode()

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.value or b"{}"))

    @property
    def user_id(self) -> str:
        """Of the person, whichever life it is."""
        return self.person.partition("/")[0]


def lives(messages: Iterable[Seen]) -> list[Seen]:
    """What was said of people, without the marks by which their erasure travels. Who was erased is somebody else
    afterwards: the key is then `<user_id>/1`, as the oracle has it."""
    erased: dict[tuple[str, str], set[str]] = defaultdict(set)
    said = []
    for message in messages:
        marks = erased[message.topic, message.person]
        if message.value is None:
            marks.add(message.attribute("id"))
        else:
            said.append(replace(message, key=f"{message.person}/{len(marks)}".encode()) if marks else message)
    return said


_NOBODY: Mapping[str, int] = MappingProxyType({})
SaidAt = Callable[[Seen], datetime]
"""What the clock showed when a message was sent."""


def places_of(messages: Sequence[Message], raw: Iterable[Seen]) -> tuple[list[str], list[str]]:
    """Where each message lies, and the violations: the raw topics hold exactly what was sent, in order."""
    arrived: dict[tuple[str, int], list[Seen]] = defaultdict(list)
    for record in raw:
        arrived[record.topic, record.partition].append(record)
    position: dict[tuple[str, int], int] = defaultdict(int)
    places, violations = [], []
    for number, message in enumerate(messages):
        where = raw_topic(message.partner), partition_of(message.key.decode())
        at = position[where]
        position[where] += 1
        found = arrived[where][at] if at < len(arrived[where]) else None
        if found is None or found.content != (message.key, message.value, message.headers):
            violations.append(f"message {number} is not at its place in {where[0]}/{where[1]}: the sending failed")
            break
        places.append(found.place)
    return places, violations


def check_scores(
    scores: Sequence[Seen],
    results: Mapping[str, Result],
    *,
    restored: bool = False,
    erased: Mapping[str, int] = _NOBODY,
) -> list[str]:
    """`scores.changed` as read from its beginning, in the order of the log, aborted transactions left out, and as
    `lives` makes it.

    After a server was `restored` from an older copy, versions may leave numbers out, here and below. `erased`: how
    often each person was; only of the last life a result is expected.
    """
    ended = {f"{who}/{life}" if life else who for who, times in erased.items() for life in range(times)}
    return [
        *_compacted(scores, "scorer", restored),
        *_told(_results([score for score in scores if score.person not in ended], results)),
    ]


def check_records(
    records: Sequence[Seen],
    expected: Mapping[str, Sequence[Sequence[News]]],
    said_at: SaidAt,
    *,
    restored: bool = False,
) -> list[str]:
    """`records.changed`, as above: each record's versions are those that were expected, said when they had to be."""
    return [
        *_byte_equal(records, by="id"),
        *_told(_misplaced(records)),
        *_told(_versions(records, "retention", lambda record: str(record.body["record_id"]), restored)),
        *_told(_ends_of_records(records, said_at, restored)),
        *_told(_news_of_records(records, expected, said_at, restored)),
    ]


def check_tiers(
    tiers: Sequence[Seen],
    scores: Sequence[Seen],
    results: Mapping[str, Result],
    table: Mapping[str, Any],
    *,
    restored: bool = False,
) -> list[str]:
    """`tiers.changed`, as above: what follows from the scores published, and in the end from those expected.

    A database that was restored has not seen all of the scores, so there only the end is looked at.
    """
    return [
        *_compacted(tiers, "benefits", restored),
        *([] if restored else [*_told(_in_force(tiers)), *_told(_changes_of_tiers(tiers, scores, table))]),
        *_told(_standings(tiers, results, table)),
    ]


def check_refusals(
    rejected: Sequence[Seen], places: Sequence[str], expected: Expected, *, restored: bool = False
) -> list[str]:
    """Every refused message has its refusal, with the right code, and no other message has one.

    After a restore records are read again, and a report whose record has lapsed or was deleted meanwhile is refused
    (rules R10): nothing of the record is left by which it could be recognized.
    """
    if restored:
        gone = ("lapsed", "deleted")
        wanted_so = {(places[number], code) for number, code in expected.codes.items()}
        rejected = [
            r
            for r in rejected
            if r.attribute("code") not in gone or (r.attribute("origin"), r.attribute("code")) in wanted_so
        ]
    found: dict[str, set[str]] = defaultdict(set)
    for record in rejected:
        found[record.attribute("origin")].add(record.attribute("code"))
    wanted = {places[number]: {code} for number, code in expected.codes.items()}
    missing = (
        f"{p}: refused with {wanted[p]}, found {found.get(p, set())}" for p in wanted if found.get(p) != wanted[p]
    )
    excess = (f"{p}: there is a refusal ({found[p]}), but nothing was wrong" for p in found if p not in wanted)
    return [*_byte_equal(rejected, by="id"), *_told(missing), *_told(excess)]


def check_normalized(normalized: Sequence[Seen], places: Sequence[str], expected: Expected) -> list[str]:
    """What ingest did not refuse is all there, events and reports of records, and always in the same words."""
    found = {record.attribute("origin") for record in normalized}
    wanted = {place for number, place in enumerate(places) if expected.codes.get(number) in (None, *_REFUSED_LATER)}
    missing = (f"{place} was accepted and did not come out of ingest" for place in wanted - found)
    excess = (f"{place} was refused and came out of ingest all the same" for place in found - wanted)
    return [*_byte_equal(normalized, by="origin"), *_told(_misplaced(normalized)), *_told(missing), *_told(excess)]


def check_answered(ends: Mapping[TopicPartition, int], answers: Iterable[Seen]) -> list[str]:
    """Every offset of these raw partitions below its end is answered: passed on, refused, or set aside.

    An answer is for the position that it names as its origin, and for those up to `lastorigin` if it has one.
    """
    open_places = {(place, offset) for place, end in ends.items() for offset in range(end)}
    for answer in answers:
        if answer.attribute("origin").startswith("timer/"):
            continue  # What the clock led to answers for no record.
        place, first = _position(answer.attribute("origin"))
        last = _position(answer.attribute("lastorigin"))[1] if answer.attribute("lastorigin") else first
        open_places.difference_update((place, offset) for offset in range(first, last + 1))
    return _told(f"nobody handled {p.topic}/{p.partition}/{offset}" for p, offset in sorted(open_places))


def _position(origin: str) -> tuple[TopicPartition, int]:
    topic, partition, offset = origin.rsplit("/", 2)
    return TopicPartition(topic, int(partition)), int(offset)


def check_answers(
    answers: Sequence[Seen], records: Sequence[Seen], expected: Expected, *, restored: bool = False
) -> list[str]:
    """`subject.answers`: each request has its answer, with the code that was expected, and nothing else has one; each
    erasure of a person has one receipt, and so has each record that is gone. A record that is deleted once more, since
    an older copy of the database was put back, has a second one; and a request that is read again, since an older copy
    was put back, is answered by what is so then."""
    codes: dict[str, set[str]] = defaultdict(set)
    receipts: Counter[str] = Counter()
    for answer in _unrepeated(answers):
        body = answer.body
        if "code" in body:
            codes[body["request_id"]].add(body["code"])
        if "digest" in body:
            receipts[body["request_id"] if body["what"] == "person" else body["record_id"]] += 1
    wrong = (
        f"request {id}: answered with {codes.get(id, set())}, expected {expected.answers.get(id)}"
        for id in codes.keys() | expected.answers.keys()
        if codes.get(id) != {expected.answers.get(id)}
    )
    wanted = Counter(id for id, code in expected.answers.items() if code == "erasing")
    ends = [each for each in _unrepeated(records) if each.body["status"] in ("expired", "deleted")]
    wanted.update(record.body["record_id"] for record in ends)
    off = (
        f"{what}: {receipts[what]} receipts, expected {wanted[what]}"
        for what in receipts.keys() | wanted.keys()
        if (receipts[what] < 1 or not wanted[what] if restored else receipts[what] != wanted[what])
    )
    unequal = [] if restored else _byte_equal(answers, by="id")
    return [*unequal, *_told(_misplaced(answers)), *_told(wrong), *_told(off)]


def check_marks(messages: Sequence[Seen], topics: Sequence[str], erased: Mapping[str, int]) -> list[str]:
    """Each erasure went through each of these topics, and nobody else has a mark but who is nobody."""
    marks: dict[tuple[str, str], set[str]] = defaultdict(set)
    for message in messages:
        if message.value is None and not is_nobody(message.person):
            marks[message.topic, message.person].add(message.attribute("id"))
    wanted = {(topic, who): times for topic in topics for who, times in erased.items()}
    return _told(
        f"{topic}: {len(marks[topic, who])} marks of {who[:8]}, expected {wanted.get((topic, who), 0)}"
        for topic, who in marks.keys() | wanted.keys()
        if len(marks[topic, who]) != wanted.get((topic, who), 0)
    )


def check_dead_letters(letters: Sequence[Seen]) -> list[str]:
    return _told(f"dead letter for {r.attribute('origin')}: {r.attribute('code')}" for r in letters)


def _compacted(messages: Sequence[Seen], service: str, restored: bool) -> list[str]:
    """The violations on a topic of which Kafka keeps the last message of each person."""
    return [
        *_byte_equal(messages, by="id"),
        *_told(_misplaced(messages)),
        *_told(_versions(messages, service, lambda message: message.user_id, restored)),
        *_told(_last_is_latest(messages)),
    ]


def _byte_equal(records: Sequence[Seen], by: str) -> list[str]:
    first: dict[tuple[str, str, str], Seen] = {}
    unequal = []
    for record in records:
        original = first.setdefault((record.topic, record.person, record.attribute(by)), record)
        if original.content != record.content:
            unequal.append(f"{original.place} and {record.place} have one {by} and not the same bytes")
    return _told(unequal)


def _misplaced(records: Sequence[Seen]) -> Iterable[str]:
    for record in records:
        if record.key is None or partition_of(record.user_id) != record.partition:
            yield f"{record.place} is not where its key belongs"


def _unrepeated(messages: Iterable[Seen]) -> Iterator[Seen]:
    """The first message of each id."""
    seen: set[tuple[str, str]] = set()
    for message in messages:
        if (identity := (message.person, message.attribute("id"))) not in seen:
            seen.add(identity)
            yield message


def _versions(
    messages: Sequence[Seen], service: str, subject_of: Callable[[Seen], str], restored: bool
) -> Iterable[str]:
    """After dropping repeats the versions of each subject, a person or a record, are 1, 2, 3 in order, without gap.

    Where a server was restored they rise.
    """
    latest: dict[tuple[str, str], int] = defaultdict(int)
    for message in _unrepeated(messages):
        identity, subject, version = message.attribute("id"), subject_of(message), message.body["version"]
        if identity != f"{service}/{subject}/{version}":
            yield f"{message.place}: the id {identity} does not name its {service}, subject and version"
        life = message.person, subject
        if version <= latest[life] if restored else version != latest[life] + 1:
            yield f"{message.place}: version {version} follows version {latest[life]}"
        latest[life] = version


def _last_is_latest(messages: Sequence[Seen]) -> Iterable[str]:
    """What compaction would leave of a person is the person's highest version."""
    highest: dict[str, int] = defaultdict(int)
    for message in messages:
        highest[message.person] = max(highest[message.person], message.body["version"])
    for person, message in _last(messages).items():
        if message.body["version"] != highest[person]:
            yield f"{message.place}: version {message.body['version']} lies behind version {highest[person]}"


def _last(messages: Iterable[Seen]) -> dict[str, Seen]:
    return {message.person: message for message in messages}


def _results(scores: Sequence[Seen], results: Mapping[str, Result]) -> Iterable[str]:
    last = {person: message.body for person, message in _last(scores).items()}
    for user in results.keys() | last.keys():
        found = _result(last[user]) if user in last else None
        if found != results.get(user):
            yield f"{user[:8]}: expected {results.get(user)}, published {found}"


def _result(body: Mapping[str, Any]) -> Result:
    return Result(body["score"], body["thin"], tuple(body["restrictions"]))


# -- records -----------------------------------------------------------------------------------------------------------


def _ends_of_records(records: Sequence[Seen], said_at: SaidAt, restored: bool) -> Iterable[str]:
    """A record expires or is deleted once, never early, and nothing comes behind it; its end repeats nothing of what it
    was. What is disputed or cannot be verified does not count.

    After a restore what an older copy held is said again, with all that had followed on it: then the end is the last
    word again.
    """
    ended: dict[tuple[str, str], str] = {}
    lapses_at: dict[tuple[str, str], str] = {}
    for record in _unrepeated(records):
        body, id = record.body, (record.person, record.body["record_id"])
        if id in ended and not restored:
            yield f"{record.place}: the record had {ended[id]} before, and now is {body['status']}"
        if body["counts"] and body["status"] in ("disputed", "unverifiable", "expired", "deleted"):
            yield f"{record.place}: {body['status']}, and counts is {body['counts']}"
        if body["status"] in ("expired", "deleted"):
            ended[id] = body["status"] if body["status"] == "expired" else "been deleted"
            if told := body.keys() - {"record_id", "version", "status", "counts"}:
                yield f"{record.place}: what says that the record is erased has {sorted(told)} of it"
            early = (now := said_at(record)) < datetime.fromisoformat(lapses_at.get(id, "9999-12-31T00:00:00Z"))
            if early and body["status"] == "expired":
                yield f"{record.place}: expired at {now}, before its deadline {lapses_at.get(id)}"
        elif "lapses_at" in body:
            lapses_at[id] = body["lapses_at"]
    last = {(record.person, record.body["record_id"]): record for record in _unrepeated(records)}
    for id, end in ended.items():
        if last[id].body["status"] not in ("expired", "deleted"):
            yield f"{last[id].place}: the record had {end} before, and {last[id].body['status']} is the last word"


def _news_of_records(
    records: Sequence[Seen], expected: Mapping[str, Sequence[Sequence[News]]], said_at: SaidAt, restored: bool
) -> Iterable[str]:
    """Which of a person's records is which does not matter: all of them together are those that were expected."""
    told: dict[str, dict[str, list[News]]] = defaultdict(lambda: defaultdict(list))
    for record in _unrepeated(records):
        told[record.person][record.body["record_id"]].append(_news(record.body, said_at(record)))
    for person in expected.keys() | told.keys():
        wanted = Counter(map(tuple, expected.get(person, ())))
        found = Counter(tuple(_told_once(news) if restored else news) for news in told[person].values())
        if wanted != found:
            yield f"{person[:8]}: of records expected {[*wanted - found]}, published {[*found - wanted]}"


def _told_once(news: Sequence[News]) -> Sequence[News]:
    """After a restore what is held is said again under a later version, and then all that had followed on it.

    Without that: each change, numbered anew. A second telling that ends before the first one did leaves its last word.
    """
    changes: list[News] = []
    at = 0
    """Which of the changes was said last."""
    for each in news:
        said = [place for place, change in enumerate(changes) if _is_told_again(each, change)]
        if said:
            at = min((place for place in said if place >= at), default=said[-1])
            continue
        if changes and at < len(changes) - 1:
            changes.append(changes[at])
        changes.append(each)
        at = len(changes) - 1
    if changes and at < len(changes) - 1:
        changes.append(changes[at])
    return [replace(change, version=number) for number, change in enumerate(changes, 1)]


def _is_told_again(each: News, change: News) -> bool:
    return replace(each, version=change.version, said_at=change.said_at) == change


def _news(body: Mapping[str, Any], said_at: datetime) -> News:
    began_on, ended_on, lapses_at = (body.get(name) for name in ("began_on", "ended_on", "lapses_at"))
    return News(
        version=body["version"],
        status=body["status"],
        kind=body.get("kind"),
        began_on=date.fromisoformat(began_on) if began_on else None,
        amount=body.get("amount"),
        ended_on=date.fromisoformat(ended_on) if ended_on else None,
        lapses_at=datetime.fromisoformat(lapses_at) if lapses_at else None,
        said_at=said_at,
        counts=body["counts"],
    )


# -- tiers -------------------------------------------------------------------------------------------------------------


def _in_force(tiers: Sequence[Seen]) -> Iterable[str]:
    """At any moment: what was granted and not revoked since is in force."""
    has: dict[str, set[str]] = defaultdict(set)
    for message in _unrepeated(tiers):
        body, had = message.body, has[message.person]
        granted, revoked = set(body["granted"]), set(body["revoked"])
        if granted & had or revoked - had:
            yield f"{message.place}: grants what is in force, or revokes what is not"
        has[message.person] = (had | granted) - revoked
        if has[message.person] != set(body["in_force"]):
            yield f"{message.place}: granted minus revoked is {has[message.person]}, in force {body['in_force']}"


def _changes_of_tiers(tiers: Sequence[Seen], scores: Sequence[Seen], table: Mapping[str, Any]) -> Iterable[str]:
    """One change for each published score that moves something, as the oracle says of the scores in their order."""
    published: dict[str, list[Publication]] = defaultdict(list)
    for score in _unrepeated(scores):
        published[score.person].append(_publication(_result(score.body)))
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for message in _unrepeated(tiers):
        found[message.person].append(_change(message.body))
    for person in published.keys() | found.keys():
        wanted = [_wanted(change) for change in tiers_oracle.expect(published[person], table)]
        for number, (want, have) in enumerate(zip_longest(wanted, found[person]), 1):
            if want != have:
                yield f"{person[:8]}: as change {number} of the tier expected {want}, published {have}"
                break


def _publication(result: Result) -> Publication:
    return Publication(result.score, result.thin, frozenset(result.restrictions))


def _wanted(change: tiers_oracle.Change) -> tuple[Any, ...]:
    return change.number + 1, change.before.tier, change.after, change.granted, change.revoked


def _change(body: Mapping[str, Any]) -> tuple[Any, ...]:
    granted, revoked = frozenset(body["granted"]), frozenset(body["revoked"])
    return body["score_version"], body.get("previous_tier"), _standing(body), granted, revoked


def _standing(body: Mapping[str, Any]) -> Standing:
    return Standing(body.get("tier"), frozenset(body["in_force"]), frozenset(body["restrictions"]))


def _standings(tiers: Sequence[Seen], results: Mapping[str, Result], table: Mapping[str, Any]) -> Iterable[str]:
    """In the end everybody has what the score that was expected leads to. What a thin file has depends on its past."""
    last = _last(tiers)
    for person, result in results.items():
        if result.thin:
            continue
        changes = tiers_oracle.expect([_publication(result)], table)
        wanted = changes[-1].after if changes else Standing()
        found = _standing(last[person].body) if person in last else Standing()
        if wanted != found:
            yield f"{person[:8]}: expected to have {wanted}, has {found}"


def _told(violations: Iterable[str]) -> list[str]:
    """The first few, and whether there were more."""
    told = list(islice(violations, _TOLD_MAX + 1))
    return [*told[:_TOLD_MAX], "and more of this kind"] if len(told) > _TOLD_MAX else told
