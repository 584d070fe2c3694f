"""Grace, hysteresis and tables that begin on a day: a table of stories, one step a line, each with what it leads to.

    5 640 -> good until 35 fair     on day 5 the score is 640: the tier stays good, and falls to fair on day 35
    35 -> fair                      the clock has passed the beginning of day 35
    40 640 t /credit =              a thin file under a restriction, and nothing is said

Days count from 1 January 2026 in UTC; 5.5 is noon. `-` is no tier. Every story is also held against the rule book as
`rule_book_tiers` computes it from the whole history.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from goodstanding.simulation import rule_book_tiers
from goodstanding.simulation.rule_book_tiers import Publication
from services.benefits.core.decide import Changed, Decided, decide
from services.benefits.core.messages import News, Passed
from services.benefits.core.policy import Policy, faults_among, in_order
from services.benefits.core.standing import Standing
from services.benefits.core.table import Benefit, Tier, TierTable
from shared.contracts import zones
from shared.contracts.messages import ScoreChange, TierChange, encode, read
from shared.contracts.times import instant

USER = "5a" * 32
DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)


def tier(code: str, start: int, grace_days: int, *benefits: str) -> Tier:
    of = tuple(Benefit(benefit, benefit) for benefit in benefits)
    return Tier(code=code, name=code, from_score=start, grace_days=grace_days, benefits=of)


def table(*tiers: Tier, day: int | None = None, hysteresis: int = 0) -> TierTable:
    return TierTable(
        name="test",
        effective_on=None if day is None else (DAY_0 + timedelta(days=day)).date(),
        hysteresis=hysteresis,
        tiers=tiers,
        restrictions={"credit": ("line", "loan"), "trains": ()},
    )


FAIR, GOOD, BEST = tier("fair", 600, 0, "bike", "line"), tier("good", 650, 30, "car"), tier("best", 750, 10, "loan")
GRACE = table(FAIR, GOOD, BEST)
LONGER_ABOVE = table(tier("fair", 600, 5, "bike", "line"), tier("good", 650, 10, "car"), tier("best", 750, 60, "loan"))
HELD = table(FAIR, tier("good", 650, 0, "car"), tier("best", 750, 0, "loan"), hysteresis=10)
BOTH = table(FAIR, GOOD, BEST, hysteresis=10)
STRICTER = table(FAIR, tier("good", 670, 30, "car"), tier("best", 770, 10, "loan"), day=100)
WITHOUT_GRACE = table(FAIR, tier("good", 670, 0, "car"), tier("best", 770, 0, "loan"), day=100)
GENEROUS = table(tier("fair", 550, 0, "bike", "line", "bus"), tier("good", 600, 30, "car"), day=100)
RENAMED = table(FAIR, tier("great", 650, 30, "car"), day=100)
FINER = table(FAIR, GOOD, tier("very-good", 770, 20, "van"), tier("best", 800, 0, "loan"), day=100)
LATER = table(FAIR, GOOD, BEST, day=200)
POLICIES = {
    "grace": (GRACE,),
    "longer above": (LONGER_ABOVE,),
    "held": (HELD,),
    "both": (BOTH,),
    "stricter": (GRACE, STRICTER),
    "without": (GRACE, WITHOUT_GRACE),
    "generous": (GRACE, GENEROUS),
    "renamed": (GRACE, RENAMED),
    "finer": (GRACE, FINER),
    "three": (GRACE, STRICTER, LATER),
    "returns": (GRACE, RENAMED, LATER),
}

STORIES = {
    # A grace begins, ends and is cancelled.
    "grace: a fall is announced, and takes place": "0 660 -> good; 5 640 -> good until 35 fair; 35 -> fair",
    "grace: a fall by one point": "0 650 -> good; 5 649 -> good until 35 fair; 35 -> fair",
    "grace: a moment before the end nothing falls": "0 660 -> good; 5 640 -> good until 35 fair; 34.9 =; 35 -> fair",
    "grace: the clock may come late": "0 660 -> good; 5 640 -> good until 35 fair; 80 -> fair",
    "grace: a recovery cancels it": "0 660 -> good; 5 640 -> good until 35 fair; 20 660 -> good; 35 =; 90 =",
    "grace: a recovery to the very beginning": "0 660 -> good; 5 640 -> good until 35 fair; 20 650 -> good; 35 =",
    "grace: one point below is no recovery": "0 660 -> good; 5 640 -> good until 35 fair; 20 649 =; 35 -> fair",
    "grace: a recovery on the last moment": "0 660 -> good; 5 640 -> good until 35 fair; 34.9 660 -> good; 35 =",
    "grace: a score for the instant of the end counts": "0 660 -> good; 5 640 -> good until 35 fair; 35 660 -> good",
    "grace: a low score for the instant of the end": "0 660 -> good; 5 640 -> good until 35 fair; 35 640 -> fair; 35 =",
    "grace: after the end it is granted anew": "0 660 -> good; 5 640 -> good until 35 fair; 35 -> fair; 36 660 -> good",
    "grace: a second fall has a grace of its own": (
        "0 660 -> good; 5 640 -> good until 35 fair; 20 660 -> good; 25 640 -> good until 55 fair; 35 =; 55 -> fair"
    ),
    "grace: a rise above cancels it": "0 660 -> good; 5 640 -> good until 35 fair; 9 800 -> best; 35 =",
    "grace: further scores move nothing": "0 660 -> good; 5 640 -> good until 35 fair; 9 630 =; 12 645 =; 35 -> fair",
    "grace: a score behind the end falls first": (
        "0 660 -> good; 5 640 -> good until 35 fair; 40 660 -> fair, good; 50 =; 90 ="
    ),
    "grace: a score behind the end that stays": "0 660 -> good; 5 640 -> good until 35 fair; 40 640 -> fair, =",
    "grace: a tier without grace falls at once": "0 620 -> fair; 5 590 -> -",
    "grace: below a tier that has none of it": "0 660 -> good; 5 500 -> good until 35 -; 35 -> -",
    "grace: a further fall while it lasts": (
        "0 660 -> good; 5 640 -> good until 35 fair; 9 590 -> good until 35 -; 35 -> -"
    ),
    "grace: a partial recovery while it lasts": (
        "0 660 -> good; 5 590 -> good until 35 -; 9 640 -> good until 35 fair; 35 -> fair"
    ),
    # Days begin at midnight, and a grace has whole days.
    "grace: from noon on it lasts to the next midnight": (
        "0 660 -> good; 5.5 640 -> good until 36 fair; 35.9 =; 36 -> fair"
    ),
    # Several tiers at once.
    "grace: best is left before good": ("0 760 -> best; 5 590 -> best until 15 good; 15 -> good until 35 -; 35 -> -"),
    "grace: best falls to good, which is reached": "0 760 -> best; 5 700 -> best until 15 good; 15 -> good",
    "grace: best is lost, then good": (
        "0 760 -> best; 5 700 -> best until 15 good; 9 640 =; 15 -> good until 39 fair; 39 -> fair"
    ),
    "grace: a late clock tells both": ("0 760 -> best; 5 590 -> best until 15 good; 50 -> good until 35 -, -"),
    "grace: a score behind both ends tells both": (
        "0 760 -> best; 5 590 -> best until 15 good; 50 620 -> good until 35 -, -, fair"
    ),
    "grace: a recovery of good leaves best to fall": (
        "0 760 -> best; 5 590 -> best until 15 good; 9 660 =; 15 -> good; 35 ="
    ),
    "grace: good is not kept anew when best has fallen": (
        "0 760 -> best; 5 590 -> best until 15 good; 15 -> good until 35 -; 20 590 =; 35 -> -"
    ),
    "longer above: the upper one is kept longer, and takes all with it": (
        "0 760 -> best; 5 500 -> best until 65 -; 10 =; 15 =; 65 -> -"
    ),
    "longer above: good has its own grace when it was reached last": (
        "0 760 -> best; 5 660 -> best until 65 good; 60 500 =; 65 -> good until 70 -; 70 -> -"
    ),
    "longer above: a grace that has ended does not begin again": (
        "0 760 -> best; 5 500 -> best until 65 -; 30 500 =; 40 510 =; 65 -> -"
    ),
    "longer above: fair alone": "0 610 -> fair; 5 500 -> fair until 10 -; 10 -> -",
    # Restrictions close at once.
    "grace: a restriction closes while grace lasts": (
        "0 660 -> good; 5 640 -> good until 35 fair; 9 580 /credit -> -; 20 640 -> good until 35 fair; 35 -> fair"
    ),
    "grace: it goes on under a restriction": (
        "0 660 -> good; 5 640 -> good until 35 fair; 9 580 /credit -> -; 35 =; 40 640 -> fair"
    ),
    "grace: a ceiling has none": "0 660 -> good; 5 580 /credit -> -; 90 =",
    "grace: and neither has the end of a restriction": "0 660 -> good; 5 580 /credit -> -; 20 640 -> fair; 90 =",
    "grace: a restriction without a ceiling": "0 660 -> good; 5 640 /trains -> fair; 20 640 -> fair; 90 =",
    "grace: a restriction that ends gives back what is reached": "0 660 -> good; 5 580 /credit -> -; 20 660 -> good",
    "grace: after a restriction grace begins as ever": (
        "0 660 -> good; 5 580 /credit -> -; 20 660 -> good; 25 640 -> good until 55 fair; 55 -> fair"
    ),
    "grace: a recovery under a restriction cancels it": (
        "0 660 -> good; 5 640 -> good until 35 fair; 9 660 /credit -> good; 20 640 -> fair; 35 ="
    ),
    "grace: an unknown restriction closes everything": (
        "0 660 -> good; 5 640 -> good until 35 fair; 9 640 /unknown -> fair; 12 640 -> good until 35 fair; 35 -> fair"
    ),
    "grace: restricted newcomers": (
        "0 660 /credit -> good; 5 640 /credit -> fair; 9 660 -> good; 12 640 -> good until 42 fair"
    ),
    # Thin files.
    "grace: a thin file falls with grace": "0 660 -> good; 5 640 t -> good until 35 fair; 35 -> fair; 40 660 t =",
    "grace: a thin file recovers while it lasts": "0 660 -> good; 5 640 t -> good until 35 fair; 9 660 t -> good; 35 =",
    "grace: a thin file recovers no further than it had": (
        "0 660 -> good; 5 640 t -> good until 35 fair; 9 800 t -> good; 35 ="
    ),
    "grace: a thin file on the last moment": "0 660 -> good; 5 640 t -> good until 35 fair; 35 660 t -> good",
    "grace: a thin newcomer has nothing to keep": "0 660 t =; 5 640 t =; 35 =",
    "grace: a thin file that was restricted": (
        "0 660 -> good; 5 640 t -> good until 35 fair; 9 580 t /credit -> -; 12 660 t -> good; 35 ="
    ),
    "grace: a thin file returns after a restriction": "0 660 -> good; 5 580 t /credit -> -; 9 660 t -> good",
    # Hysteresis.
    "held: within the band nothing is lost": "0 650 -> good; 5 640 =; 9 645 =; 12 640 =",
    "held: below the band it is lost": "0 650 -> good; 5 639 -> fair",
    "held: what is lost comes back at its beginning": "0 650 -> good; 5 639 -> fair; 9 649 =; 12 650 -> good",
    "held: nobody is let in by it": "0 649 -> fair; 5 648 =; 9 640 =",
    "held: a newcomer just below": "0 595 =",
    "held: of two tiers each has its own band": "0 750 -> best; 5 740 =; 9 739 -> good; 12 640 =; 15 639 -> fair",
    "held: a jump past two": "0 750 -> best; 5 640 -> good; 9 590 -> fair; 12 589 -> -",
    "held: it holds over a restriction": "0 650 -> good; 5 580 /credit -> -; 9 645 -> good",
    "held: and under one": "0 650 -> good; 5 645 /trains -> good; 9 645 -> good",
    "held: a thin file holds on too": "0 650 -> good; 5 645 t =; 9 639 t -> fair; 12 650 t =",
    "both: within the band no grace begins": "0 650 -> good; 5 640 =; 40 =",
    "both: below the band it begins": "0 650 -> good; 5 639 -> good until 35 fair; 35 -> fair",
    "both: the band is no recovery": "0 650 -> good; 5 639 -> good until 35 fair; 9 645 =; 35 -> fair",
    "both: the beginning is": "0 650 -> good; 5 639 -> good until 35 fair; 9 650 -> good; 12 645 =; 35 =",
    "both: of two tiers": (
        "0 750 -> best; 5 739 -> best until 15 good; 9 645 =; 15 -> good; 20 639 -> good until 50 fair"
    ),
    # Repetitions and old versions.
    "grace: a repetition changes nothing": (
        "0 660 -> good; 5 640 -> good until 35 fair; v1 9 660 ==; v2 9 640 ==; 35 -> fair"
    ),
    "grace: an old version behind the end": "0 660 -> good; 5 640 -> good until 35 fair; 35 -> fair; v1 36 660 ==",
    "grace: nobody is known yet": "5 =; 9 660 -> good",
    # A new table.
    "stricter: it begins for everybody, with grace": "0 660 -> good; 99.9 =; 100 -> good until 130 fair; 130 -> fair",
    "stricter: whom it does not move hears nothing": "0 680 -> good; 100 =; 101 665 -> good until 131 fair",
    "stricter: a score of its day is judged by it": "0 660 -> good; 100 660 -> good until 130 fair; 100 =",
    "stricter: a score before its day is not": "0 660 -> good; 99 655 =; 100 -> good until 130 fair",
    "stricter: a score behind its day comes after it": (
        "0 660 -> good; 101 660 -> good until 130 fair, =; 130 -> fair"
    ),
    "stricter: a newcomer behind its day": "101 660 -> fair; 102 670 -> good",
    "stricter: a grace that runs goes on": "0 660 -> good; 90 640 -> good until 120 fair; 100 =; 120 -> fair",
    "stricter: a grace that ends on its day": "0 660 -> good; 70 640 -> good until 100 fair; 100 -> fair",
    "stricter: a recovery is measured by it": (
        "0 660 -> good; 90 640 -> good until 120 fair; 101 660 =, =; 110 670 -> good"
    ),
    "stricter: under a restriction nobody has grace": (
        "0 660 -> good; 50 660 /trains -> good; 100 -> fair; 110 660 -> fair"
    ),
    "stricter: a late clock tells table and fall": "0 660 -> good; 150 -> good until 130 fair, fair",
    "stricter: best and good": "0 760 -> best; 100 -> best until 110 good; 110 -> good",
    "without: it takes at once": "0 660 -> good; 100 -> fair",
    "without: what ran before goes on": "0 660 -> good; 90 640 -> good until 120 fair; 100 =; 120 -> fair",
    "generous: it grants at once": "0 560 =; 100 -> fair",
    "generous: and more to those who have": "0 610 -> fair; 100 -> good",
    "generous: it cancels a grace": "0 660 -> good; 90 640 -> good until 120 fair; 100 -> good; 120 =",
    "generous: nothing new for a thin file": "0 610 -> fair; 50 610 t =; 100 -> fair; 101 610 t =",
    "generous: a tier that it lacks is gone": "0 760 -> best; 100 -> good",
    "generous: and so is its grace": "0 760 -> best; 95 660 -> best until 105 good; 100 -> good; 105 =",
    "renamed: another code is another tier": "0 660 -> good; 100 -> great",
    "renamed: it grants a thin file nothing, and leaves it what lies below": "0 660 -> good; 50 660 t =; 100 -> fair",
    "returns: for a thin file a tier that comes back is a new one": "0 660 -> good; 50 660 t =; 100 -> fair; 200 =",
    "returns: under a restriction too": (
        "0 660 -> good; 50 660 t /trains -> good; 100 -> fair; 200 =; 210 660 t -> fair; 220 660 -> good"
    ),
    "three: one after the other": "0 660 -> good; 100 -> good until 130 fair; 130 -> fair; 200 -> good",
    "finer: no grace keeps a tier that nobody has had": "0 760 -> best; 100 -> good",
    "finer: a tier that was reached": "0 760 -> best; 101 775 -> good, very-good; 110 700 -> very-good until 130 good",
    "three: all at once after an outage": "0 660 -> good; 250 -> good until 130 fair, fair, good",
    "three: a score behind all": "0 660 -> good; 250 640 -> good until 130 fair, fair, good, good until 280 fair",
}
assert len(STORIES) >= 90, "with those of test_decide more than a hundred stories"


def at(day: str) -> datetime:
    return DAY_0 + timedelta(days=float(day))


class Told:
    """One story, step by step."""

    def __init__(self, policy: str) -> None:
        self.policy = Policy(tables=in_order(POLICIES[policy]), zone=UTC)
        self.standing: Standing | None = None
        self.publications: list[Publication] = []
        self.changes: list[TierChange] = []
        self.now = DAY_0

    def step(self, words: list[str]) -> Decided:
        version = int(words.pop(0)[1:]) if words[0].startswith("v") else len(self.publications) + 1
        instant = at(words.pop(0))
        self.now = max(self.now, instant)
        if not words:
            return self._decide(Passed(USER, instant))
        score, thin = int(words[0]), "t" in words
        restrictions = tuple(word[1:] for word in words if word.startswith("/"))
        if version > len(self.publications):
            self.publications.append(Publication(instant, score, thin, restrictions))
        return self._decide(News(USER, published(version, instant, score, thin, restrictions)))

    def _decide(self, message: News | Passed) -> Decided:
        decided = decide(self.standing, [message], self.policy)
        self.standing = decided.standing
        self.changes += decided.changes
        return decided


def published(version: int, at: datetime, score: int, thin: bool, restrictions: tuple[str, ...]) -> ScoreChange:
    return ScoreChange(
        version=version,
        score=score,
        thin=thin,
        cadence="continuous",
        as_of=at,
        policy="start@0123456789ab",
        restrictions=restrictions,
        key_factors=(),
    )


def day_of(instant: datetime) -> str:
    return f"{(instant - DAY_0) / timedelta(days=1):g}"


def in_words(decided: Decided) -> str:
    told = []
    for outcome in decided.outcomes:
        if isinstance(outcome, Changed):
            change = outcome.change
            until = f" until {day_of(change.falls_at)} {change.falls_to or '-'}" if change.falls_at else ""
            told.append(f"{change.tier or '-'}{until}")
        else:
            told.append("=" if type(outcome).__name__ == "Unchanged" else "==")
    text = ", ".join(told)
    return text if text.startswith("=") else f"-> {text}"


def steps(story: str) -> list[tuple[list[str], str]]:
    found = []
    for step in STORIES[story].split("; "):
        words = step.split(" ")
        ends = next(index for index, word in enumerate(words) if word in ("->", "=", "==", "=,"))
        found.append((words[:ends], " ".join(words[ends:])))
    return found


def as_mapping(table: TierTable) -> dict[str, Any]:
    return {**msgspec.to_builtins(table, builtin_types=(date,)), "effective_on": table.effective_on}


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str) -> None:
    """(rules T8, T9, T10, T11)"""
    told = Told(story.partition(":")[0])
    for words, expected in steps(story):
        assert in_words(told.step(list(words))) == expected, words


@pytest.mark.parametrize("story", STORIES)
def test_every_message_is_what_the_rule_book_says(story: str) -> None:
    """Also that granted minus revoked is in force, and that each message is read as it was written."""
    told = Told(story.partition(":")[0])
    for words, _ in steps(story):
        told.step(list(words))
    tables = [as_mapping(table) for table in told.policy.tables]
    expected = rule_book_tiers.changes(told.publications, tables, UTC, told.now)
    assert [seen(change) for change in told.changes] == [each.after for each in expected]
    assert [change.as_of for change in told.changes] == [each.as_of for each in expected]
    assert [change.score_version for change in told.changes] == [each.number + 1 for each in expected]
    in_force: set[str] = set()
    tier = None
    for number, change in enumerate(told.changes, 1):
        assert (change.version, change.previous_tier) == (number, tier)
        assert in_force.isdisjoint(change.granted)
        assert in_force.issuperset(change.revoked)
        in_force = in_force.union(change.granted).difference(change.revoked)
        assert in_force == set(change.in_force)
        assert read(TierChange, encode(change)) == change
        tier = change.tier


def seen(change: TierChange) -> rule_book_tiers.Seen:
    return rule_book_tiers.Seen(change.tier, change.in_force, change.restrictions, change.falls_at, change.falls_to)


def test_what_ends_is_named() -> None:
    """(rules T9)"""
    told = Told("grace")
    told.step(["0", "760"])
    (fall,) = told.step(["5", "590"]).changes
    assert (fall.falls_at, fall.falls_to, fall.ending) == (at("15"), "good", ("loan",))
    (second,) = told.step(["15"]).changes
    assert (second.revoked, second.falls_at, second.ending) == (("loan",), at("35"), ("bike", "line", "car"))
    (last,) = told.step(["35"]).changes
    assert (last.revoked, last.falls_at, last.falls_to, last.ending) == (("bike", "line", "car"), None, None, None)


def test_a_late_score_takes_nothing_back_in_time() -> None:
    """A score for an instant before one that was decided for is judged, by the later table, for that later instant."""
    told = Told("stricter")
    told.step(["0", "660"])
    told.step(["100"])
    (change,) = told.step(["99", "600"]).changes + told.step(["130"]).changes
    assert (change.as_of, change.tier, change.policy) == (at("130"), "fair", STRICTER.id)


@pytest.mark.parametrize(
    ("zone", "since", "days", "end"),
    [
        ("Asia/Shanghai", "2026-11-05T16:00:00Z", 30, "2026-12-05T16:00:00Z"),
        ("Asia/Shanghai", "2026-11-05T16:00:01Z", 30, "2026-12-06T16:00:00Z"),
        ("Europe/Berlin", "2026-03-27T23:00:00Z", 2, "2026-03-29T22:00:00Z"),
        ("Europe/Berlin", "2026-03-28T10:00:00Z", 1, "2026-03-29T22:00:00Z"),
        ("UTC", "2028-02-28T00:00:00Z", 1, "2028-02-29T00:00:00Z"),
    ],
)
def test_a_grace_ends_at_the_beginning_of_a_day(zone: str, since: str, days: int, end: str) -> None:
    """(rules T9)"""
    assert Policy(tables=(GRACE,), zone=zones.zone(zone)).end_of_grace(instant(since), days) == instant(end)


def test_tables_are_each_of_another_day() -> None:
    """(rules T8)"""
    assert not list(faults_among([GRACE, STRICTER, LATER]))
    [(index, fault)] = faults_among([GRACE, STRICTER, RENAMED])
    assert (index, fault.key, fault.sentence) == (
        2,
        ("effective_on",),
        "Use another day: test is in force from the same one.",
    )
    [(index, fault)] = faults_among([GRACE, HELD])
    assert index == 1
    assert "since test has none either" in fault.sentence
