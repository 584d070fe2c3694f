"""What published scores lead to: a table of stories, each a person's scores and the change that each brings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from services.benefits.core import decide as rules
from services.benefits.core.decide import Decided, Repeated, Unchanged
from services.benefits.core.messages import News
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Standing
from services.benefits.core.table import Benefit, Tier, TierTable
from shared.contracts.messages import ScoreChange, TierChange, encode, read

TABLE = TierTable(
    name="test",
    tiers=(
        Tier(code="fair", name="Fair", from_score=600, benefits=(Benefit("bike", "Bike"), Benefit("line", "Line"))),
        Tier(code="good", name="Good", from_score=650, benefits=(Benefit("car", "Car"),)),
        Tier(code="best", name="Best", from_score=750, benefits=(Benefit("loan", "Loan"), Benefit("visa", "Visa"))),
    ),
    restrictions={"credit": ("line", "loan"), "luxury": ("visa", "loan"), "trains": ()},
)
USER = "5a" * 32
EPOCH = datetime(2026, 1, 5, 16, tzinfo=UTC)


@dataclass(frozen=True)
class Score:
    """One publication; the versions of a story count 1, 2, 3 unless they say otherwise."""

    score: int
    thin: bool = False
    restrictions: tuple[str, ...] = ()
    version: int | None = None


@dataclass(frozen=True)
class Change:
    """What is expected of it, if anything."""

    tier: str | None
    granted: str = ""
    revoked: str = ""


def thin(score: int, *restrictions: str) -> Score:
    return Score(score, True, restrictions)


def held(score: int, *restrictions: str) -> Score:
    return Score(score, False, restrictions)


def published(score: Score, version: int) -> ScoreChange:
    version = score.version or version
    return ScoreChange(
        version=version,
        score=score.score,
        thin=score.thin,
        cadence="monthly",
        as_of=EPOCH + timedelta(days=version),
        policy="start@0123456789ab",
        restrictions=score.restrictions,
        key_factors=(),
    )


STORIES: dict[str, list[tuple[Score, Change | None]]] = {
    # Crossings.
    "one point below the first tier": [(Score(599), None)],
    "the first tier begins": [(Score(600), Change("fair", "bike line"))],
    "one point below the second": [(Score(649), Change("fair", "bike line"))],
    "the second begins": [(Score(650), Change("good", "bike line car"))],
    "one point below the last": [(Score(749), Change("good", "bike line car"))],
    "the last begins": [(Score(750), Change("best", "bike line car loan visa"))],
    "the lowest score": [(Score(350), None)],
    "the highest score": [(Score(950), Change("best", "bike line car loan visa"))],
    "up one by one": [
        (Score(600), Change("fair", "bike line")),
        (Score(650), Change("good", "car")),
        (Score(750), Change("best", "loan visa")),
    ],
    "down one by one": [
        (Score(750), Change("best", "bike line car loan visa")),
        (Score(749), Change("good", "", "loan visa")),
        (Score(649), Change("fair", "", "car")),
        (Score(599), Change(None, "", "bike line")),
    ],
    "a jump up and a jump down, each one change": [
        (Score(600), Change("fair", "bike line")),
        (Score(900), Change("best", "car loan visa")),
        (Score(400), Change(None, "", "bike line car loan visa")),
    ],
    "within a tier nothing is said": [
        (Score(600), Change("fair", "bike line")),
        (Score(649), None),
        (Score(600), None),
    ],
    "below the first tier nothing is said": [(Score(350), None), (Score(599), None), (Score(500), None)],
    "out and back in": [
        (Score(600), Change("fair", "bike line")),
        (Score(599), Change(None, "", "bike line")),
        (Score(600), Change("fair", "bike line")),
    ],
    # Thin files.
    "a thin newcomer gains nothing": [(thin(700), None), (thin(900), None)],
    "a newcomer gains when thin no more": [(thin(700), None), (held(700), Change("good", "bike line car"))],
    "what was granted stays": [(held(650), Change("good", "bike line car")), (thin(650), None)],
    "a thin file rises to nothing new": [(held(600), Change("fair", "bike line")), (thin(900), None)],
    "a thin file falls with its score": [
        (held(650), Change("good", "bike line car")),
        (thin(600), Change("fair", "", "car")),
        (thin(650), None),
        (held(650), Change("good", "car")),
    ],
    # Restrictions.
    "restricted at once, freed at once": [
        (held(750), Change("best", "bike line car loan visa")),
        (held(750, "credit"), Change("best", "", "line loan")),
        (held(750), Change("best", "line loan")),
    ],
    "two restrictions, one ends": [
        (held(750), Change("best", "bike line car loan visa")),
        (held(750, "credit", "luxury"), Change("best", "", "line loan visa")),
        (held(750, "luxury"), Change("best", "line")),
    ],
    "restricted under a ceiling": [
        (held(650), Change("good", "bike line car")),
        (held(580, "credit"), Change(None, "", "bike line car")),
        (held(650), Change("good", "bike line car")),
    ],
    "rises while restricted": [
        (held(600, "credit"), Change("fair", "bike")),
        (held(750, "credit"), Change("best", "car visa")),
        (held(750), Change("best", "line loan")),
    ],
    "a restriction is told to who has no tier": [(held(580, "credit"), Change(None)), (held(580), Change(None))],
    "a restriction that closes nothing is told": [
        (held(600), Change("fair", "bike line")),
        (held(600, "trains"), Change("fair")),
    ],
    "a restriction that the table does not know closes everything": [
        (held(750), Change("best", "bike line car loan visa")),
        (held(750, "unheard-of"), Change("best", "", "bike line car loan visa")),
        (held(750), Change("best", "bike line car loan visa")),
    ],
    "another order of restrictions is no change": [
        (held(600, "credit", "trains"), Change("fair", "bike")),
        (held(600, "trains", "credit"), None),
    ],
    # Both.
    "a thin file is restricted and freed": [
        (held(600), Change("fair", "bike line")),
        (thin(600, "credit"), Change("fair", "", "line")),
        (thin(600), Change("fair", "line")),
    ],
    "a thin file is freed from a ceiling too": [
        (held(650), Change("good", "bike line car")),
        (thin(580, "credit"), Change(None, "", "bike line car")),
        (thin(580, "credit", "trains"), Change(None)),
        (thin(650), Change("good", "bike line car")),
    ],
    "a thin newcomer is restricted and freed, and gains nothing": [
        (thin(700, "credit"), Change(None)),
        (thin(700), Change(None)),
    ],
    "a thin file that was granted a tier under a restriction keeps it": [
        (held(650, "credit"), Change("good", "bike car")),
        (thin(580, "credit"), Change(None, "", "bike car")),
        (thin(650), Change("good", "bike line car")),
    ],
    "what a ceiling took comes back once": [
        (held(650), Change("good", "bike line car")),
        (thin(580, "credit"), Change(None, "", "bike line car")),
        (thin(580), Change(None)),
        (thin(650), None),
    ],
    # The log.
    "a repetition": [
        (Score(600, version=1), Change("fair", "bike line")),
        (Score(600, version=1), None),
        (Score(599, version=2), Change(None, "", "bike line")),
        (Score(600, version=1), None),
        (Score(599, version=2), None),
        (Score(650, version=3), Change("good", "bike line car")),
    ],
    "an old version changes nothing, whatever it says": [
        (Score(650, version=5), Change("good", "bike line car")),
        (Score(900, version=4), None),
        (Score(350, version=5), None),
    ],
    "a gap is a jump": [
        (Score(600, version=1), Change("fair", "bike line")),
        (Score(750, version=9), Change("best", "car loan visa")),
    ],
    "the first that is seen is not the first": [(Score(650, version=12), Change("good", "bike line car"))],
}


def decide(standing: Standing | None, scores: list[ScoreChange], table: TierTable) -> Decided:
    policy = Policy(tables=(table,), zone=UTC)
    return rules.decide(standing, [News(USER, score) for score in scores], policy)


def stands(decided: Decided) -> Standing:
    assert decided.standing is not None
    return decided.standing


def told(scores: list[Score]) -> list[Decided]:
    """The story in one step for each message."""
    decisions: list[Decided] = []
    for version, score in enumerate(scores, 1):
        standing = decisions[-1].standing if decisions else None
        decisions.append(decide(standing, [published(score, version)], TABLE))
    return decisions


def test_the_table_of_these_stories_is_a_valid_one() -> None:
    assert not list(TABLE.faults())


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str) -> None:
    scores = [score for score, _ in STORIES[story]]
    decisions = told(scores)
    seen = [_seen(decided.changes) for decided in decisions]
    assert seen == [change for _, change in STORIES[story]]


@pytest.mark.parametrize("story", STORIES)
def test_a_story_in_one_batch_is_the_same(story: str) -> None:
    scores = [score for score, _ in STORIES[story]]
    apart = told(scores)
    together = decide(None, [published(score, version) for version, score in enumerate(scores, 1)], TABLE)
    assert together.standing == apart[-1].standing
    assert together.changes == tuple(change for decided in apart for change in decided.changes)
    assert together.outcomes == tuple(outcome for decided in apart for outcome in decided.outcomes)
    others = [outcome for outcome in together.outcomes if isinstance(outcome, Unchanged | Repeated)]
    assert len(scores) == len(together.changes) + len(others)


@pytest.mark.parametrize("story", STORIES)
def test_every_message_alone_tells_where_the_person_stands(story: str) -> None:
    tier, in_force, version = None, set[str](), 0
    for decided in told([score for score, _ in STORIES[story]]):
        for change in decided.changes:
            assert change.version == version + 1
            assert change.previous_tier == tier
            assert not in_force & set(change.granted)
            assert in_force >= set(change.revoked)
            tier, version = change.tier, change.version
            in_force = (in_force | set(change.granted)) - set(change.revoked)
            assert in_force == set(change.in_force)
            assert read(TierChange, encode(change)) == change
        assert (tier, in_force) == (stands(decided).tier, set(stands(decided).in_force))


def test_a_change_names_its_score() -> None:
    (change,) = decide(None, [published(Score(650, restrictions=("trains", "credit")), 7)], TABLE).changes
    assert (change.version, change.score_version, change.policy) == (1, 7, TABLE.id)
    assert change.as_of == EPOCH + timedelta(days=7)
    assert change.restrictions == ("credit", "trains")


def test_a_new_table_speaks_with_the_next_score() -> None:
    """(rules T8)"""
    best = TABLE.tiers[-1]
    new = TierTable(
        name="new",
        tiers=(
            Tier(code="fair", name="Fair", from_score=620, benefits=(Benefit("bike", "Bike"), Benefit("bus", "Bus"))),
            Tier(code="great", name="Great", from_score=700, benefits=best.benefits),
        ),
        restrictions={},
    )
    before = decide(None, [published(Score(650), 1)], TABLE).standing
    after = decide(before, [published(Score(650), 2)], new)
    assert _seen(after.changes) == Change("fair", "bus", "line car")
    # The tier stays, and what it opens does not.
    fair = decide(None, [published(Score(640), 1)], TABLE).standing
    assert _seen(decide(fair, [published(Score(640), 2)], new).changes) == Change("fair", "bus", "line")
    # A tier that is no more grants a thin file nothing.
    assert stands(decide(before, [published(thin(650), 2)], new)).tier is None


def _seen(changes: tuple[TierChange, ...]) -> Change | None:
    if not changes:
        return None
    (change,) = changes
    return Change(change.tier, " ".join(change.granted), " ".join(change.revoked))
