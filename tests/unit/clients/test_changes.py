"""What the client makes of each record, and of records in any order that a topic may have: tables, and a law."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from goodstanding_client import Change, Erased, Memory, ScoreChanged, TierChanged, messages
from goodstanding_client.__main__ import Stands, keep
from goodstanding_client.changes import SCORES, TIERS, News, Said, news_of
from goodstanding_client.store import Place, Position
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.messages import ScoreChange, TierChange, encode
from shared.contracts.published import client_types
from shared.settings import ROOT

PERSON, OTHER = "a1" * 32, "b2" * 32
NOW = datetime(2026, 1, 5, 16, tzinfo=UTC)
TYPE = {SCORES: b"goodstanding.score.changed.v1", TIERS: b"goodstanding.tier.changed.v1"}


@dataclass(frozen=True)
class Record:
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = (("ce_type", TYPE[TIERS]),)


def tier(version: int, tier: str = "fair", in_force: Sequence[str] = ("bike",), minute: int = 0) -> TierChange:
    return TierChange(
        version=version,
        tier=tier,
        granted=(),
        revoked=(),
        in_force=tuple(in_force),
        restrictions=(),
        score_version=version,
        as_of=NOW + timedelta(minutes=minute),
        policy="start@0123456789ab",
    )


def score(version: int) -> ScoreChange:
    return ScoreChange(
        version=version,
        score=640,
        thin=False,
        cadence="monthly",
        as_of=NOW,
        policy="start@0123456789ab",
        restrictions=("credit",),
        key_factors=(),
    )


def said(person: str, body: TierChange | ScoreChange) -> Record:
    topic = TIERS if isinstance(body, TierChange) else SCORES
    return Record(person.encode(), encode(body), (("ce_type", TYPE[topic]),))


@pytest.mark.parametrize(
    "record",
    [
        Record(b"_roll", b""),
        Record(b"_roll", None),
        Record(None, b"{}"),
        Record(b"\xff" * 64, b"{}"),
        Record(PERSON.upper().encode(), encode(tier(1))),
        replace(said(PERSON, tier(1)), headers=(("ce_type", b"goodstanding.tier.changed.v2"),)),
        replace(said(PERSON, tier(1)), headers=()),
        replace(said(PERSON, tier(1)), value=b""),
        replace(said(PERSON, tier(1)), value=b"[]"),
        replace(said(PERSON, tier(1)), value=b"[" * 50_000),
        replace(said(PERSON, tier(1)), value=b'{"version":"9"}'),
        replace(said(PERSON, tier(1)), value=encode(tier(1)).replace(b'"fair"', b'"f\\u0000r"')),
        replace(said(PERSON, tier(1)), value=encode(tier(1)).replace(b"fair", b"f\xffir")),
        said(PERSON, score(1)),
    ],
    ids=str,
)
def test_what_is_passed_over(record: Record) -> None:
    """On the topic of tiers; the last one is a score there."""
    assert news_of(TIERS, record) is None


def test_a_field_of_a_later_release_is_passed_over() -> None:
    value = encode(tier(3))[:-1] + b',"later":{"more":1}}'
    found = news_of(TIERS, replace(said(PERSON, tier(3)), value=value))
    assert isinstance(found, Said)
    assert b"later" not in found.value


def followed(topic: str, records: Sequence[Record]) -> tuple[Memory, list[Change]]:
    store = Memory()
    news = [found for record in records if (found := news_of(topic, record)) is not None]
    changes = asyncio.run(taken(store, topic, news))
    return store, changes


async def taken(store: Memory, topic: str, news: Sequence[News], reading: int = 1) -> list[Change]:
    found: list[Change] = []
    for offset, each in enumerate(news):
        found += await store.take(Place(topic, 0), Position(offset, reading, NOW), [each])
    return found


def known(store: Memory, topic: str = TIERS) -> dict[str, int]:
    return {user_id: row.version for user_id, row in store._known[topic].items()}


def test_a_story() -> None:
    """(rules T6)"""
    later = replace(said(PERSON, tier(9)), headers=(("ce_type", b"goodstanding.tier.changed.v2"),))
    erased = Record(PERSON.encode(), None)
    story = [
        said(PERSON, tier(1)),
        said(OTHER, tier(7)),  # compaction has taken the six before
        said(PERSON, tier(2, "good", ["bike", "car"])),
        said(PERSON, tier(1)),  # sent again
        said(PERSON, tier(2, "good", ["bike", "car"])),
        Record(b"_roll", None),
        later,
        said(PERSON, tier(5, "fair", ["bike"])),  # and two are missed
        erased,
        erased,
        said(PERSON, tier(1)),  # a new beginning
    ]
    store, changes = followed(TIERS, story)
    told = [
        ("erased", each.user_id)
        if isinstance(each, Erased)
        else (each.user_id, each.tier.version, each.granted, each.revoked, each.missed)
        for each in changes
        if not isinstance(each, ScoreChanged)
    ]
    assert told == [
        (PERSON, 1, ("bike",), (), 0),
        (OTHER, 7, ("bike",), (), 6),
        (PERSON, 2, ("car",), (), 0),
        (PERSON, 5, (), ("car",), 2),
        ("erased", PERSON),
        (PERSON, 1, ("bike",), (), 0),
    ]
    assert known(store) == {PERSON: 1, OTHER: 7}


def test_who_has_come_back_was_erased_though_the_record_of_it_is_gone() -> None:
    """The broker keeps a tombstone for a week, but only as long as nothing newer has the same key."""
    store, changes = followed(TIERS, [said(PERSON, tier(6)), said(PERSON, tier(1, "good", ["car"], minute=9))])
    assert changes[1] == Erased(PERSON, TIERS)
    assert isinstance(changes[2], TierChanged)
    assert (changes[2].previous, changes[2].granted, changes[2].revoked) == (None, ("car",), ())
    assert known(store) == {PERSON: 1}


async def test_what_can_be_asked() -> None:
    store = Memory()
    assert not await store.is_granted(PERSON, "bike")
    assert (await store.tier(PERSON), await store.score(PERSON)) == (None, None)
    for topic, body in ((TIERS, tier(1)), (SCORES, score(4))):
        news = news_of(topic, said(PERSON, body))
        assert news is not None
        await store.take(Place(topic, 0), Position(1, 1, datetime.now(UTC)), [news])
    assert await store.is_granted(PERSON, "bike")
    assert not await store.is_granted(PERSON, "car")
    found = await store.score(PERSON)
    assert found is not None
    assert (found.score, found.restrictions) == (640, ("credit",))


@given(st.data())
def test_in_any_order_that_a_topic_may_have(data: st.DataObject) -> None:
    """Repetitions behind what was sent again, and gaps by compaction, lead to the same as a reader from the start has;
    and so does reading it again, after which whoever is not there any more is gone."""
    log: list[tuple[str, int | None]] = []
    versions: dict[str, int] = {}
    for _ in range(data.draw(st.integers(1, 25))):
        person = data.draw(st.sampled_from([PERSON, OTHER, "c3" * 32]))
        if data.draw(st.integers(0, 6)) == 0:
            versions.pop(person, None)
            log.append((person, None))
        else:
            versions[person] = versions.get(person, 0) + 1
            log.append((person, versions[person]))
    records = [
        Record(person.encode(), None) if version is None else said(person, tier(version, minute=minute))
        for minute, (person, version) in enumerate(log)
    ]
    begin = data.draw(st.integers(0, len(records) - 1))
    end = data.draw(st.integers(begin, len(records) - 1))
    # A killed sender sends again what it sent last, before anything newer.
    again = [*records[: end + 1], *records[begin : end + 1], *records[end + 1 :]]
    assert known(followed(TIERS, again)[0]) == versions
    # Of what the broker has compacted by now, the last record of each key is left; an erasure too, for a while.
    compacted_to = data.draw(st.integers(0, len(records)))
    newest = {record.key: index for index, record in enumerate(records[:compacted_to])}
    kept = [(index, record) for index, record in enumerate(records) if newest.get(record.key, index) <= index]
    assert known(followed(TIERS, [record for _, record in kept])[0]) == versions
    # And so it ends for whoever had read some of it before.
    read_to = data.draw(st.integers(0, len(records)))
    rest = [record for index, record in kept if index >= read_to]
    assert known(followed(TIERS, [*records[:read_to], *rest])[0]) == versions
    last = {record.key: index for index, record in enumerate(records)}
    # Who was away too long finds neither what was superseded nor who was erased.
    store, _ = followed(TIERS, records[: data.draw(st.integers(0, len(records)))])
    left = [record for index, record in enumerate(records) if last[record.key] == index and record.value is not None]
    news = [found for record in left if (found := news_of(TIERS, record)) is not None]
    asyncio.run(taken(store, TIERS, news, reading=2))
    asyncio.run(store.drop_unread(Place(TIERS, 0), Position(99, 2, NOW)))
    assert known(store) == versions


def test_the_types_are_those_of_the_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client_types.check() == []
    stale = tmp_path / "messages.py"
    stale.write_text(client_types.text().replace("thin: bool", "thin: int"))
    monkeypatch.setattr(client_types, "FILE", stale)
    [problem] = client_types.check()
    assert "make contracts" in problem.sentence


def test_a_wheel_has_the_types_and_needs_two_packages(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    [wheel] = WheelBuilder(str(ROOT / "clients" / "python")).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        metadata = files.read("goodstanding_client-0.1.0.dist-info/METADATA").decode()
    assert "goodstanding_client/py.typed" in names
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra" not in line]
    assert [line.split()[1].partition(">")[0] for line in needed] == ["aiokafka", "msgspec"]


def test_it_is_told_of_a_change_by_its_kind() -> None:
    _, changes = followed(SCORES, [said(PERSON, score(1))])
    assert [type(change) for change in changes] == [ScoreChanged]
    _, changes = followed(TIERS, [said(PERSON, tier(1))])
    assert [type(change) for change in changes] == [TierChanged]


def test_where_everybody_stands_is_one_line_of_each_topic_and_none_of_who_was_erased() -> None:
    stands: Stands = {}
    first, second = (msgspec.json.decode(encode(each), type=messages.TierChange) for each in (tier(1), tier(2, "good")))
    for change in (
        TierChanged(PERSON, first, None, 0),
        TierChanged(OTHER, first, None, 0),
        TierChanged(PERSON, second, first, 0),
        Erased(OTHER, TIERS),
    ):
        keep(stands, change)
    [(topic, person, body)] = stands.values()
    assert (topic, person, body["version"], body["tier"]) == (TIERS, PERSON, 2, "good")
