"""What another scorecard would do to people: everybody counts once, by both scorecards, and memory does not grow."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable
from hashlib import sha256
from xml.etree import ElementTree

import msgspec
import pytest

from goodstanding.validation import preview_plot
from goodstanding.validation.preview import Found, Preview, answer_of, bands, crossings
from services.benefits.core.table import TierTable
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import Condition, Segment
from services.scorer.core.state import State, encode
from shared.policy_file import TIERS, load_policy
from shared.settings import ROOT
from tests.support.people import BILL, CARD, JAN, SHIPPED, card, day, event, news, record, state_of

TABLE = load_policy(ROOT / "policies" / TIERS, TierTable)
NOW = day(JAN, 20)
THROUGH = JAN - 1


def paying(months: int, late: int = 0) -> State:
    """Somebody who paid a bill in each of the last months, the last ones late."""
    return state_of(*(event(BILL, day(JAN - age), days_late=40 if age <= late else 0) for age in range(months, 0, -1)))


PEOPLE = {
    sha256(name.encode()).hexdigest(): state
    for name, state in {
        "newcomer": State(),
        "new": paying(2),
        "good": paying(24),
        "late": paying(24, late=6),
        "court": state_of(*(event(BILL, day(JAN - age)) for age in range(1, 13)), news(record())),
    }.items()
}


def found_for(
    old: Scorecard, new: Scorecard, people: Iterable[tuple[str, State]] = PEOPLE.items(), most: int = 10
) -> Found:
    preview = Preview(old, new, TABLE, THROUGH, NOW, most)
    for user_id, state in people:
        preview.take(user_id, encode(state), None)
    return preview.done()


def test_the_same_scorecard_moves_nobody() -> None:
    found = found_for(SHIPPED, SHIPPED)
    assert (found.all.people, found.all.up, found.all.down, found.movers) == (len(PEOPLE), 0, 0, [])
    assert found.scores[0] == found.scores[1]
    assert found.stability == 0
    assert crossings(found, TABLE) == []


def test_everybody_is_scored_as_the_service_does_it() -> None:
    found = found_for(SHIPPED, CARD)
    expected = {u: tuple(evaluate(s, c, THROUGH).score for c in (SHIPPED, CARD)) for u, s in PEOPLE.items()}
    assert {each.user_id: (each.old, each.new) for each in found.movers} == {
        user_id: scores for user_id, scores in expected.items() if scores[0] != scores[1]
    }
    assert sorted(found.scores[0].elements()) == sorted(old for old, _ in expected.values())
    assert sorted(found.scores[1].elements()) == sorted(new for _, new in expected.values())
    assert found.all.up + found.all.down == len(found.movers)
    assert found.all.mean_new == pytest.approx(sum(new for _, new in expected.values()) / len(expected))
    changes = [abs(each.change) for each in found.movers]
    assert changes == sorted(changes, reverse=True)
    assert [each.user_id for each in found_for(SHIPPED, CARD, most=2).movers] == [e.user_id for e in found.movers[:2]]


def test_the_order_of_people_does_not_matter() -> None:
    there = found_for(SHIPPED, CARD, most=3)
    back = found_for(SHIPPED, CARD, reversed(PEOPLE.items()), most=3)
    assert answer_of(there, SHIPPED, CARD, TABLE)["movers"] == answer_of(back, SHIPPED, CARD, TABLE)["movers"]


def test_restrictions_and_tiers_that_are_crossed() -> None:
    lenient = card(restrictions={}, ceilings={}, records=None)
    assert found_for(CARD, lenient).freed == dict.fromkeys(CARD.restrictions["legal"], 1)  # type: ignore[index]  # this one names what it restricts
    assert found_for(lenient, CARD).restricted == dict.fromkeys(CARD.restrictions["legal"], 1)  # type: ignore[index]  # this one names what it restricts
    low = msgspec.structs.replace(
        TABLE, tiers=tuple(msgspec.structs.replace(t, from_score=355 + n) for n, t in enumerate(TABLE.tiers))
    )
    strict = card(ceilings={"legal": 350}, restrictions={})
    preview = Preview(lenient, strict, low, THROUGH, NOW)
    for user_id, state in PEOPLE.items():
        preview.take(user_id, encode(state), None)
    assert crossings(preview.done(), low) == [("excellent", None, 1)]


def test_a_thin_file_gains_no_tier() -> None:
    newcomer = [(user_id, state) for user_id, state in PEOPLE.items() if not state.kinds]
    generous = card(
        dimensions=CARD.dimensions,
        rules=tuple(msgspec.structs.replace(rule, unknown=rule.best) for rule in CARD.rules),
    )
    found = found_for(CARD, generous, newcomer)
    assert found.all.up == 1
    assert found.thin[1] == {True: 1}
    assert crossings(found, TABLE) == []
    assert crossings(found_for(CARD, msgspec.structs.replace(generous, months_min=0), newcomer), TABLE) != []


def test_by_the_segments_of_the_new_scorecard() -> None:
    name = next(
        name for name, feature in CARD.features.items() if feature.unit == "per mille" and not feature.on_contacts
    )
    known = Segment(code="known", when=(Condition(feature=name, at_least=0),), en="known", zh="有")
    others = Segment(code="others", en="others", zh="无")
    found = found_for(CARD, card(segments=(known, others)))
    assert {code: group.people for code, group in found.segments.items()} == {"others": 1, "known": 4}
    assert {code: group.people for code, group in found_for(CARD, CARD).segments.items()} == {None: len(PEOPLE)}


def test_bands_of_fifty_points() -> None:
    assert bands({350: 2, 399: 1, 400: 5, 950: 1}) == {350: 3, 400: 5, 900: 1}


def test_for_programs_it_is_json() -> None:
    told = json.loads(json.dumps(answer_of(found_for(SHIPPED, CARD), SHIPPED, CARD, TABLE)))
    assert sum(band["old"] for band in told["bands"]) == sum(band["new"] for band in told["bands"]) == len(PEOPLE)
    assert (told["old"], told["new"]) == (SHIPPED.id, CARD.id)


def test_the_picture_is_a_picture() -> None:
    for new in (CARD, SHIPPED):
        drawn = preview_plot.svg(found_for(SHIPPED, new), SHIPPED, new)
        ElementTree.fromstring(drawn)
        assert f"{len(PEOPLE)} people" in drawn


def test_memory_does_not_grow_with_the_people() -> None:
    preview = Preview(SHIPPED, CARD, TABLE, THROUGH, NOW)
    _kept_of(preview, 100)
    # Something else in the process may keep something meanwhile; a preview that kept people would do so each time.
    assert any(_kept_of(preview, 300) < 16 * 1024 for _ in range(3))


def _kept_of(preview: Preview, people: int) -> int:
    """What is kept of so many people, in bytes."""
    column = encode(paying(24))
    tracemalloc.start()
    try:
        for number in range(people):
            preview.take(f"{number:064x}", column, None)
        kept, _ = tracemalloc.get_traced_memory()
        return kept
    finally:
        tracemalloc.stop()
