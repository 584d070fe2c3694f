"""Benefits as a machine that is told of scores and of the clock, in any order that may happen, held against the rule
book as it is computed from the whole history: with any tables, each with its day, grace and hysteresis.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from goodstanding.simulation import rule_book_tiers
from goodstanding.simulation.rule_book_tiers import Publication, Seen
from services.benefits.core.decide import decide
from services.benefits.core.messages import News, Passed
from services.benefits.core.policy import Policy
from services.benefits.core.restating import said_again, standing_as_told
from services.benefits.core.standing import Standing
from services.benefits.core.table import Benefit, Tier, TierTable
from shared.contracts.messages import ScoreChange, TierChange

USER = "5a" * 32
DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)
RESTRICTIONS = ("credit", "luxury", "unheard-of")
CODES = ("fair", "good", "very-good", "best")


@st.composite
def tables(draw: st.DrawFn, day: int | None) -> TierTable:
    """Tiers go and return from one table to the next."""
    codes = [code for code in CODES if draw(st.integers(0, 3))] or ["fair"]
    starts = sorted(draw(st.sets(st.integers(55, 80), min_size=len(codes), max_size=len(codes))))
    tiers = tuple(
        Tier(
            code=code,
            name=code,
            from_score=10 * start,
            grace_days=draw(st.sampled_from([0, 0, 1, 7, 30])),
            benefits=tuple(Benefit(f"{code}-{each}", "One") for each in "ab"[: draw(st.integers(0, 2))]),
        )
        for code, start in zip(codes, starts, strict=True)
    )
    benefits = [benefit.code for tier in tiers for benefit in tier.benefits]
    return TierTable(
        name="any",
        effective_on=None if day is None else (DAY_0 + timedelta(days=day)).date(),
        hysteresis=draw(st.sampled_from([0, 0, 5, 20])),
        tiers=tiers,
        restrictions={code: tuple(each for each in benefits if draw(st.booleans())) for code in RESTRICTIONS[:2]},
    )


class Person(RuleBasedStateMachine):
    """One person, and a clock that goes on by whole days and half ones."""

    standing: Standing | None = None

    @initialize(data=st.data(), days=st.sets(st.integers(1, 120), max_size=3))
    def begin(self, data: st.DataObject, days: set[int]) -> None:
        found: list[TierTable] = []
        for day in (None, *sorted(days)):
            found.append(data.draw(tables(day)))
        assert not [fault for table in found for fault in table.faults()]
        self.policy = Policy(tables=tuple(found), zone=UTC)
        self.tables = [self._mapping(table) for table in found]
        self.now = DAY_0
        self.told: list[ScoreChange] = []
        self.changes: list[TierChange] = []

    @staticmethod
    def _mapping(table: TierTable) -> dict[str, Any]:
        return {**msgspec.to_builtins(table, builtin_types=(date,)), "effective_on": table.effective_on}

    @rule(
        days=st.sampled_from([0.5, 1, 3, 10, 45]),
        score=st.integers(54, 81),
        thin=st.sampled_from([False, False, False, True]),
        restrictions=st.sampled_from([(), (), (), ("credit",), ("credit", "luxury"), ("unheard-of",)]),
    )
    def publish(self, days: float, score: int, thin: bool, restrictions: tuple[str, ...]) -> None:
        self.now += timedelta(days=days)
        self.told.append(
            ScoreChange(
                version=len(self.told) + 1,
                score=10 * score - (days == 3),
                thin=thin,
                cadence="continuous",
                as_of=self.now,
                policy="any@0123456789ab",
                restrictions=restrictions,
                key_factors=(),
            )
        )
        self._decide(News(USER, self.told[-1]))

    @rule(data=st.data())
    def tell_again(self, data: st.DataObject) -> None:
        """A killed sender sends again: nothing comes of it."""
        if self.told:
            before, told = self.standing, len(self.changes)
            self._decide(News(USER, data.draw(st.sampled_from(self.told))))
            assert (self.standing, len(self.changes)) == (before, told)

    @rule(days=st.sampled_from([0, 1, 5, 30, 100]))
    def pass_time(self, days: int) -> None:
        """The clock goes on, and the service is not asked for a while."""
        self.now += timedelta(days=days)

    @rule()
    def ask_timers(self) -> None:
        self._decide(Passed(USER, self.now))

    @rule()
    def ask_timers_again(self) -> None:
        """A page that was found before a kill, and is older than what was decided since."""
        if self.standing is not None:
            before, told = self.standing, len(self.changes)
            self._decide(Passed(USER, self.standing.as_of))
            assert (self.standing, len(self.changes)) == (before, told)

    def _decide(self, message: News | Passed) -> None:
        decided = decide(self.standing, [message], self.policy)
        self.standing = decided.standing
        self.changes += decided.changes

    @invariant()
    def all_is_as_the_rule_book_says(self) -> None:
        """(rules T1 to T11) As far as the service has been told: what lies behind is not asked for yet."""
        if self.standing is None:
            return
        publications = [Publication(s.as_of, s.score, s.thin, s.restrictions) for s in self.told]
        wanted = rule_book_tiers.changes(publications, self.tables, UTC, self.now)
        found = [Seen(c.tier, c.in_force, c.restrictions, c.falls_at, c.falls_to) for c in self.changes]
        assert found == [each.after for each in wanted][: len(found)]
        assert [c.as_of for c in self.changes] == [each.as_of for each in wanted][: len(found)]
        # What is missing lies behind the last score: the clock has not been asked since.
        assert all(each.as_of > self.told[-1].as_of for each in wanted[len(found) :])

    @invariant()
    def granted_minus_revoked_is_in_force_at_any_moment(self) -> None:
        """(rules T6)"""
        in_force: set[str] = set()
        for number, change in enumerate(self.changes, 1):
            assert change.version == number
            assert in_force.isdisjoint(change.granted)
            assert in_force.issuperset(change.revoked)
            in_force = in_force.union(change.granted).difference(change.revoked)
            assert in_force == set(change.in_force)
            assert set(change.ending or ()) <= in_force
        if self.standing is not None:
            assert in_force == set(self.standing.in_force)
            assert self.standing.version == len(self.changes)

    @invariant()
    def nothing_that_a_restriction_closes_is_in_force(self) -> None:
        """(rules T4, T5)"""
        if self.standing is not None:
            table = self.policy.by_day(self.standing.table_from)
            assert table.closed(self.standing.restrictions).isdisjoint(self.standing.in_force)

    @invariant()
    def the_last_message_is_enough_to_say_the_same_again(self) -> None:
        """After a restore nothing is said where topic and database agree."""
        if self.standing is not None:
            last = self.changes[-1] if self.changes else None
            assert said_again(self.standing, last, self.policy) == (self.standing, None)
            if last is not None:
                assert standing_as_told(last, self.policy).seen == self.standing.seen


TestPerson = Person.TestCase
TestPerson.settings = settings(stateful_step_count=30, deadline=None)
