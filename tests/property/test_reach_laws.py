"""The law of reach (rules S5), tried on all lives: a small policy is refused for a score that nobody can have only if
no life has it, and if a policy is accepted, some life has the score."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from services.scorer.core.features.punctuality import Worst
from services.scorer.core.features.stated import Fact, SteadyFigure
from services.scorer.core.reach import faults_of_reach
from services.scorer.core.score import evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.scorecard_parts import (
    BASE,
    POINTS,
    Bin,
    Cap,
    Condition,
    Cost,
    Evidence,
    Limit,
    Records,
    Rule,
    Segment,
)
from shared.contracts.kinds import RecordClass
from shared.contracts.policy_parts import PolicyFault
from tests.support.law_sizes import examples
from tests.support.people import BILL, INCOME, JAN, card, day, event, news, record, state_of

THROUGH = JAN - 1
STARTS = range(3)
POINTS_DRAWN = (-200, -30, -1, 0, 1, 60, 100)
"""Few, so that two rules often meet, with some of which a part rounds to nothing."""
FEATURES = {
    "late": Worst(kinds=(BILL,), months=2),
    "income": SteadyFigure(kinds=(INCOME,), months=2, steady_months=1),
    "identity": Fact(kind="identity.verified"),
}
WORDS = ("verified", "withdrawn")
OBSERVED = {"late": 2, "income": 1, "identity": 1}
SAID: dict[str, Any] = {"en": "Said.", "zh": "说"}


def everybody() -> list[Any]:
    """A life for each value that a feature can have, with each number of observations, beside each of the others."""
    bills: list[tuple[Any, ...]] = [(), *[(event(BILL, day(THROUGH), days_late=days),) for days in STARTS]]
    bills += [(*bill, event(BILL, day(THROUGH - 1))) for bill in bills if bill]
    incomes = [(), *((event(INCOME, day(THROUGH), amount=amount),) for amount in STARTS)]
    identities = [(), *((event("identity.verified", day(THROUGH), value=word),) for word in WORDS)]
    courts = [tuple(news(record(id=f"r{number}")) for number in range(count)) for count in (0, 1, 3)]
    return [state_of(*(each for part in life for each in part)) for life in product(bills, incomes, identities, courts)]


EVERYBODY = everybody()


@st.composite
def rules(draw: st.DrawFn, code: str, segments: tuple[str, ...], most_evidence: int | None) -> Rule:
    feature = draw(st.sampled_from(sorted(FEATURES)))
    begins = sorted({0, *draw(st.lists(st.sampled_from(STARTS), max_size=2))})
    keys: list[dict[str, Any]] = [{"at_least": begin} for begin in begins]
    if feature == "identity":
        keys = [{"word": word} for word in WORDS]
    points = sorted(draw(st.lists(st.sampled_from(POINTS_DRAWN), min_size=len(keys), max_size=len(keys))))
    points[-1] = max(points[-1], 0)
    direction = {"late": "lower", "income": "higher", "identity": None}[feature]
    ordered = points if direction == "higher" else points[::-1]
    most = OBSERVED[feature] if most_evidence is None else most_evidence
    evidence = st.builds(Evidence, full=st.integers(1, most), below=st.none() | st.integers(1, most))
    return Rule(
        code=code,
        dimension="all",
        feature=feature,
        direction=direction,  # type: ignore[arg-type]  # drawn words are no literals
        segments=draw(st.none() | st.sampled_from(segments).map(lambda each: (each,))) if segments else None,
        # Told figures never cost points.
        unknown=points[0]
        if feature == "income"
        else draw(st.sampled_from([*points, 0 if points[0] <= 0 else points[0]])),
        bins=tuple(Bin(**key, points=each) for key, each in zip(keys, ordered, strict=True)),
        evidence=draw(st.none() | evidence),
        **SAID,
    )


RANGES = [(0, None), (1, None), (2, None), (None, 1), (None, 2), (0, 1), (1, 2)]


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    feature = draw(st.sampled_from(sorted(FEATURES)))
    unknown = draw(st.booleans())
    if feature == "identity":
        return Condition(feature=feature, word=draw(st.sampled_from(WORDS)), unknown=unknown)
    at_least, below = draw(st.sampled_from(RANGES))
    return Condition(feature=feature, at_least=at_least, below=below, unknown=unknown)


WHEN = st.lists(conditions(), min_size=1, max_size=2).map(tuple)


@st.composite
def cards(draw: st.DrawFn, *, plain: bool = False, segmented: bool = False) -> Scorecard:
    """A policy whose parts have no faults; with `plain` one of rules and records alone, of evidence that there is; with
    `segmented` one with segments and without limits."""
    segments: tuple[Segment, ...] = ()
    if segmented or (not plain and draw(st.booleans())):
        segments = (Segment(code="some", when=draw(WHEN), **SAID), Segment(code="others", **SAID))
    codes = [f"rule-{letter}" for letter in "abcd"[: draw(st.integers(1, 4))]]
    in_segments = tuple(segment.code for segment in segments)
    drawn = [draw(rules(code, in_segments, None if plain or segmented else 3)) for code in codes]
    caps: tuple[Cap, ...] = ()
    if not plain and draw(st.booleans()):
        capped = draw(st.lists(st.sampled_from(codes), min_size=1, unique=True))
        caps = (Cap(code="capped", rules=tuple(capped), points=draw(st.integers(0, 150)), **SAID),)
    limits = st.builds(Limit, code=st.just("held"), when=WHEN, ceiling=st.sampled_from((350, 700, 949)), en=..., zh=...)
    held = draw(st.lists(limits, max_size=2)) if not plain and not segmented else []
    cost = Cost(open=draw(st.sampled_from((0, -200, -600))), settled=0)
    nothing = Cost(open=0, settled=0)
    made = card(
        dimensions={"all": POINTS},
        kinds={},
        segments=segments,
        rules=(_base(0), *drawn),
        caps=caps,
        limits=tuple(msgspec.structs.replace(each, code=f"held-{'ab'[at]}", **SAID) for at, each in enumerate(held)),
        records=Records(
            code="records",
            dimension="all",
            legal=cost,
            financial=nothing,
            life=nothing,
            lowest=draw(st.sampled_from((0, -200, -600))),
            **SAID,
        ),
        ceilings={} if draw(st.booleans()) else {RecordClass.LEGAL: draw(st.sampled_from((350, 600)))},
        settled_ceilings={},
        hints=(),
    )
    return _with_all_points(made)


def _base(points: int) -> Rule:
    bins = (Bin(at_least=0, points=points),)
    return Rule(code="everybody", dimension="all", feature="late", direction="lower", unknown=points, bins=bins, **SAID)


def _with_all_points(made: Scorecard) -> Scorecard:
    """The best of a segment comes to 600: what its rules lack, everybody gets."""
    bests = [
        sum(rule.best for rule in made.rules_of(segment))
        - sum(cap.most_taken_back(made.rules_of(segment)) for cap in made.caps)
        for segment in made.segment_codes()
    ]
    read = {rule.feature for rule in made.rules} | {condition.feature for condition in made.conditions()}
    return msgspec.structs.replace(
        made,
        rules=(_base(POINTS - max(bests)), *made.rules[1:]),
        features={name: feature for name, feature in FEATURES.items() if name in read},
    )


def sound(made: Scorecard) -> list[PolicyFault]:
    """What is said of its reach. Policies with other faults are not looked at."""
    found = list(made.faults())
    of_reach = [] if any("dimensions" in fault.key for fault in found) else list(faults_of_reach(made))
    assume(found == of_reach)
    return of_reach


def scores(made: Scorecard) -> set[int]:
    return {evaluate(state, made, THROUGH).score for state in EVERYBODY}


@examples(40)
@given(cards())
def test_nobody_has_a_score_that_is_refused_as_out_of_reach(made: Scorecard) -> None:
    said = sound(made)
    assume(said)
    had = scores(made)
    for key, sentence in said:
        if "holds for everybody" in sentence:
            assert {made.compiled.segment_of(state, THROUGH, None) for state in EVERYBODY} == {"some"}
        elif "Nobody is in it" in sentence:
            nobodys = made.segments[int(key[1])].code
            assert nobodys not in {made.compiled.segment_of(state, THROUGH, None) for state in EVERYBODY}
        elif "It never holds" in sentence:
            items = (item for state in EVERYBODY for item in evaluate(state, made, THROUGH).items)
            assert made.limits[int(key[1])].code not in {item.code for item in items}
        elif "Nobody can fall" in sentence:
            assert min(had) > BASE
        else:
            assert f"reach {BASE + POINTS}" in sentence
            assert max(had) < BASE + POINTS


@examples(40)
@given(cards(plain=True))
def test_somebody_has_the_best_and_the_worst_score_of_what_is_accepted(made: Scorecard) -> None:
    assume(not sound(made))
    had = scores(made)
    assert (min(had), max(had)) == (BASE, BASE + POINTS)


def _of_rules(made: Scorecard, state: Any) -> int:
    """The points of a person before floor, ceilings and records."""
    items = evaluate(state, made, THROUGH).items
    return sum(item.points for item in items if item.code not in {"base", "floor", "ceiling", "records"})


LIVES = dict(zip(product(range(7), range(4), range(3)), EVERYBODY[::3], strict=True))
"""Whoever has no records, by the places of the person's bills, income and identity among all that there are."""
STEPS = {"late": (0, [(1, 2), (2, 3), (1, 3), (4, 5), (5, 6), (4, 6)]), "income": (1, [(1, 2), (2, 3), (1, 3)])}
"""Which place each feature has in a life, and all moves to a greater value."""


def gains(made: Scorecard) -> Iterator[int]:
    """What somebody with a worse value has more than one who differs by that alone, if rules agree which way is
    better."""
    points = {life: _of_rules(made, state) for life, state in LIVES.items()}
    for feature, (place, pairs) in STEPS.items():
        directions = {rule.direction for rule in made.rules if rule.feature == feature}
        for life, (low, high) in product(LIVES, pairs if len(directions) == 1 else []):
            if life[place] == low:
                rise = points[*life[:place], high, *life[place + 1 :]] - points[life]
                yield rise if directions == {"lower"} else -rise


@examples(40)
@given(cards(segmented=True))
def test_who_differs_by_a_worse_value_alone_has_no_more_points_over_the_border_of_a_segment(made: Scorecard) -> None:
    """(rules S10)"""
    found = list(made.faults())
    assume(all("contradicts the direction of" in fault.sentence for fault in found))
    if found:
        assert max(gains(made)) > 0
    elif not made.caps:
        assert max(gains(made), default=0) <= 0
