"""Laws of benefits, over any tables and any scores: with repetitions, with old versions, with gaps by compaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.benefits.core import decide as rules
from services.benefits.core.decide import Decided
from services.benefits.core.messages import News
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Standing
from services.benefits.core.table import Benefit, Tier, TierTable
from shared.contracts.messages import ScoreChange, TierChange, encode
from tests.support.oracle.tiers import Publication, expect

RESTRICTIONS = ("credit", "financing", "luxury", "unheard-of")


@st.composite
def tables(draw: st.DrawFn) -> TierTable:
    starts = sorted(draw(st.sets(st.integers(350, 950), min_size=1, max_size=5)))
    sizes = [draw(st.integers(0, 3)) for _ in starts]
    tiers = tuple(
        Tier(
            code=f"tier-{'abcde'[index]}",
            name="A tier",
            from_score=start,
            benefits=tuple(Benefit(f"benefit-{'abcde'[index]}{'abc'[place]}", "One") for place in range(size)),
        )
        for index, (start, size) in enumerate(zip(starts, sizes, strict=True))
    )
    codes = [benefit.code for tier in tiers for benefit in tier.benefits]
    closed = st.lists(st.sampled_from(codes), unique=True).map(tuple) if codes else st.just(())
    table = TierTable(name="any", tiers=tiers, restrictions={code: draw(closed) for code in RESTRICTIONS[:3]})
    assert not list(table.faults())
    return table


@st.composite
def histories(draw: st.DrawFn) -> list[ScoreChange]:
    """A person's publications, versions 1, 2, 3."""
    count = draw(st.integers(1, 12))
    return [
        ScoreChange(
            version=version,
            score=draw(st.integers(350, 950)),
            thin=draw(st.booleans()),
            cadence="continuous",
            as_of=datetime(2026, 1, version, tzinfo=UTC),
            policy="any@0123456789ab",
            restrictions=tuple(draw(st.sets(st.sampled_from(RESTRICTIONS), max_size=3))),
            key_factors=(),
        )
        for version in range(1, count + 1)
    ]


@st.composite
def logs(draw: st.DrawFn) -> list[ScoreChange]:
    """What a reader may find of a history: messages sent again after later ones, others gone by compaction."""
    history = draw(histories())
    log = list(history)
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(history) - 1))
        stop = draw(st.integers(start, len(history) - 1))
        # A sender that was killed sends again what it had sent, in order, before anything newer.
        place = draw(st.integers(log.index(history[stop]) + 1, len(log)))
        log[place:place] = history[start : stop + 1]
    # Compaction may take any message that a later one of the person follows.
    return [message for message in log[:-1] if draw(st.booleans())] + log[-1:]


def decide(standing: Standing | None, scores: Sequence[ScoreChange], table: TierTable) -> Decided:
    return rules.decide(standing, [News("5a" * 32, score) for score in scores], Policy(tables=(table,), zone=UTC))


@dataclass
class Told:
    standing: Standing
    changes: list[TierChange]


def tell(log: Sequence[ScoreChange], table: TierTable, batches: Sequence[int] = ()) -> Told:
    """The log in batches of these sizes, the rest one by one."""
    standing: Standing | None = None
    changes: list[TierChange] = []
    sizes = iter(batches)
    at = 0
    while at < len(log):
        size = next(sizes, 1)
        decided = decide(standing, log[at : at + size], table)
        standing, at = decided.standing, at + size
        changes.extend(decided.changes)
    assert standing is not None
    return Told(standing, changes)


def naive_benefits(score: int, table: TierTable) -> set[str]:
    return {benefit.code for tier in table.tiers if tier.from_score <= score for benefit in tier.benefits}


def naive_closed(score: ScoreChange, table: TierTable) -> set[str]:
    every = {benefit.code for tier in table.tiers for benefit in tier.benefits}
    return set().union(*(table.restrictions.get(code, every) for code in score.restrictions))


@given(logs(), tables())
def test_granted_minus_revoked_is_in_force_at_any_moment(log: list[ScoreChange], table: TierTable) -> None:
    """(rules T6)"""
    in_force: set[str] = set()
    tier = None
    for version, change in enumerate(tell(log, table).changes, 1):
        assert change.version == version
        assert change.previous_tier == tier
        assert in_force.isdisjoint(change.granted)
        assert in_force.issuperset(change.revoked)
        in_force = in_force.union(change.granted).difference(change.revoked)
        tier = change.tier
        assert list(change.in_force) == sorted(in_force, key=change.in_force.index)
        assert len(set(change.in_force)) == len(change.in_force) == len(in_force)


@given(logs(), tables())
def test_score_versions_rise_and_every_change_changes_something(log: list[ScoreChange], table: TierTable) -> None:
    """(rules T6)"""
    changes = tell(log, table).changes
    versions = [change.score_version for change in changes]
    assert versions == sorted(set(versions))
    states = [(None, (), ()), *((change.tier, change.in_force, change.restrictions) for change in changes)]
    assert all(one != other for one, other in pairwise(states))


@given(logs(), tables())
def test_the_last_change_tells_where_the_person_stands(log: list[ScoreChange], table: TierTable) -> None:
    told = tell(log, table)
    last = told.changes[-1] if told.changes else None
    standing = told.standing
    assert (standing.tier, standing.in_force, standing.restrictions) == (
        (last.tier, last.in_force, last.restrictions) if last else (None, (), ())
    )
    assert standing.version == len(told.changes)
    assert standing.score_version == max(score.version for score in log)


@given(logs(), tables(), st.lists(st.integers(1, 6), max_size=12))
def test_batches_change_nothing(log: list[ScoreChange], table: TierTable, batches: list[int]) -> None:
    one, other = tell(log, table), tell(log, table, batches)
    assert one.standing == other.standing
    assert list(map(encode, one.changes)) == list(map(encode, other.changes))


@given(histories(), tables(), st.data())
def test_repetitions_change_nothing(history: list[ScoreChange], table: TierTable, data: st.DataObject) -> None:
    """(rules T7)"""
    log = list(history)
    for index in sorted(data.draw(st.sets(st.sampled_from(range(len(history))))), reverse=True):
        log[index + 1 : index + 1] = history[data.draw(st.integers(0, index)) : index + 1]
    one, other = tell(history, table), tell(log, table)
    assert (one.standing, one.changes) == (other.standing, other.changes)


@given(logs(), tables())
def test_a_full_file_has_exactly_what_its_score_opens(log: list[ScoreChange], table: TierTable) -> None:
    """And so a reader of the compacted topic ends with the same as one who followed all along."""
    last = max(log, key=lambda score: score.version)
    standing = tell(log, table).standing
    expected = naive_benefits(last.score, table) - naive_closed(last, table)
    if last.thin:
        assert set(standing.in_force) <= expected
    else:
        assert set(standing.in_force) == expected


@given(histories(), tables())
def test_a_thin_file_is_granted_only_what_it_had(history: list[ScoreChange], table: TierTable) -> None:
    """(rules T3)"""
    had: set[str] = set()
    standing: Standing | None = None
    for score in history:
        decided = decide(standing, [score], table)
        standing = decided.standing
        for change in decided.changes:
            if score.thin:
                assert had.issuperset(change.granted)
            had.update(change.granted)
        if not score.thin:
            # What a restriction closed from the beginning is part of the tier, and not new when it ends.
            had.update(naive_benefits(score.score, table))


@given(histories(), tables())
def test_nothing_that_a_restriction_closes_is_ever_in_force(history: list[ScoreChange], table: TierTable) -> None:
    """(rules T4)"""
    standing: Standing | None = None
    for score in history:
        standing = decide(standing, [score], table).standing
        assert standing is not None
        assert naive_closed(score, table).isdisjoint(standing.in_force)


@given(histories(), tables())
def test_all_is_as_the_oracle_says(history: list[ScoreChange], table: TierTable) -> None:
    publications = [Publication(each.score, each.thin, frozenset(each.restrictions)) for each in history]
    expected = expect(publications, msgspec.to_builtins(table))
    found = tell(history, table).changes
    assert [change.score_version for change in found] == [each.number + 1 for each in expected]
    for change, each in zip(found, expected, strict=True):
        assert (change.previous_tier, change.tier) == (each.before.tier, each.after.tier)
        assert set(change.granted) == each.granted
        assert set(change.revoked) == each.revoked
        assert set(change.in_force) == each.after.benefits
        assert set(change.restrictions) == each.after.restrictions
