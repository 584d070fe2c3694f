"""Features of what was told of a person: facts, figures, contacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from services.scorer.core.features.base import Feature, Groups, Measure, Measured, Unit, Windowed, no_kind
from services.scorer.core.features.months import Circle, Months, Plan
from services.scorer.core.state import amount_of
from shared.contracts.fields import SCORE_MAX, SCORE_MIN
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.policy_parts import PolicyFault

BASE = SCORE_MIN
CONTACTS_BAND = 100
"""Each contact's standing is seen in steps of so many points above the base, and no finer, before anything is computed
from it: then no number of accounts and no choice of their contacts tells more of anybody than the band (rules S12)."""
CONTACTS_MIN = 5
"""With fewer contacts than this, one of them would be most of the mean."""
INFLUENCE_STEPS = (CONTACTS_MIN, 15, 50)
STABILITY_STEP = 250
STEADY_MONTHS = 12
"""From how many runs in a row on a contact is one of long standing."""


def band_of(standing: int) -> int:
    """The coarse band, 0 to 6, in which a contact's standing is seen; nothing finer enters another person's score. The
    run asks the database for it (query `due`), so only tests call this."""
    return (standing - BASE) // CONTACTS_BAND


def circle_of(contacts: int, bands: int, steady: int) -> Circle | None:
    """What so many contacts bear, given the sum of their bands and how many have been so for a year; None with fewer
    than five of them."""
    if contacts < CONTACTS_MIN:
        return None
    return Circle(
        standing=BASE + bands // contacts * CONTACTS_BAND,
        influence=max(step for step in INFLUENCE_STEPS if step <= contacts),
        stability=steady * 1000 // contacts // STABILITY_STEP * STABILITY_STEP,
    )


def circle_as_kept(standing: int | None, influence: int | None, stability: int | None) -> Circle | None:
    """What a person's row says of the contacts. A row that an earlier release wrote has the standing alone, until the
    next run."""
    return None if standing is None else Circle(standing, influence or CONTACTS_MIN, stability or 0)


class Fact(Feature, frozen=True, kw_only=True, tag="fact"):
    """The value of a fact that is in force, a word."""

    unit: ClassVar[Unit] = "word"
    lowest: ClassVar[int | None] = None
    kind: str
    """A kind of fact."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        if self.kind not in KIND_OF or KIND_OF[self.kind].shape is not Shape.FACT:
            yield PolicyFault(("kind",), no_kind(self.kind, (Shape.FACT,)))

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        code = KIND_OF[self.kind].code

        def fact(of: Months) -> Measured | None:
            stated = of.state.facts.get(code)
            return None if stated is None else (stated[2], 1)

        return fact


class _OfMeans(Windowed, frozen=True, kw_only=True):
    shapes: ClassVar[tuple[Shape, ...]] = (Shape.FIGURE,)
    tells_of_means: ClassVar[bool] = True
    better: ClassVar[Literal["higher", "lower"] | None] = "higher"
    better_because: ClassVar[str] = "a higher figure never costs points"


class SteadyFigure(_OfMeans, frozen=True, kw_only=True, tag="figure"):
    """The lowest of the latest `steady_months` months of the window that have a figure, in minor units; where several
    consents or kinds have one in a month, the highest counts. Unknown with fewer months."""

    unit: ClassVar[Unit] = "money"
    observed: ClassVar[str] = "`steady_months`"
    steady_months: int
    """How many of the latest months with a figure are compared."""

    def faults(self, groups: Groups) -> Iterator[PolicyFault]:
        yield from super().faults(groups)
        if not 1 <= self.steady_months <= max(self.months, 1):
            yield PolicyFault(("steady_months",), "Use at least 1 and no more than `months`.")

    def most_observed(self, groups: Groups) -> int | None:
        return self.steady_months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        plan.reads_figures = True
        codes, months, steady = sorted(self.codes(groups)), self.months, self.steady_months

        def figure(of: Months) -> Measured | None:
            highest: dict[int, int] = {}
            first, through = of.through - months + 1, of.through
            for code in codes:
                for by_month in of.figures.get(code, ()):
                    # The tables are in ascending order, and of each no more than the latest can count.
                    found = 0
                    for month in reversed(by_month):
                        if month < first or found == steady:
                            break
                        if month <= through:
                            found += 1
                            amount = amount_of(by_month[month])
                            highest[month] = max(amount, highest.get(month, amount))
            if len(highest) < steady:
                return None
            return (min([highest[month] for month in sorted(highest, reverse=True)[:steady]]), steady)

        return figure


class FigureMonths(_OfMeans, frozen=True, kw_only=True, tag="figure_months"):
    """How many months of the window have a figure."""

    unit: ClassVar[Unit] = "months"
    observed: ClassVar[str] = "the same"
    is_observed: ClassVar[bool] = True

    def highest(self, groups: Groups) -> int | None:
        return self.months

    def most_observed(self, groups: Groups) -> int | None:
        return self.months

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        plan.reads_figures = True
        codes, months = sorted(self.codes(groups)), self.months

        def figure_months(of: Months) -> Measured | None:
            through = of.through
            told = {
                month for code in codes if code in of.figures for by_month in of.figures[code] for month in by_month
            }
            found = sum([0 <= through - month < months for month in told])
            return (found, found) if found else None

        return figure_months


class _OnContacts(Feature, frozen=True, kw_only=True):
    on_contacts: ClassVar[bool] = True


class ContactsStanding(_OnContacts, frozen=True, kw_only=True, tag="contacts"):
    """The mean band of the mutual contacts in the run before, as the score at which the band begins: 350, 450 and so
    on. Unknown with fewer than five of them."""

    unit: ClassVar[Unit] = "score"
    lowest: ClassVar[int | None] = BASE

    def highest(self, groups: Groups) -> int | None:
        return BASE + band_of(SCORE_MAX) * CONTACTS_BAND

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        def contacts(of: Months) -> Measured | None:
            return None if of.circle is None else (of.circle.standing, 1)

        return contacts


class Influence(_OnContacts, frozen=True, kw_only=True, tag="influence"):
    """How many count the person among their contacts, both sides saying so, brought down to 5, 15 or 50. Unknown with
    fewer than five."""

    def highest(self, groups: Groups) -> int | None:
        return INFLUENCE_STEPS[-1]

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        def influence(of: Months) -> Measured | None:
            return None if of.circle is None else (of.circle.influence, 1)

        return influence


class Stability(_OnContacts, frozen=True, kw_only=True, tag="stability"):
    """How many of the mutual contacts have been so for a year, per mille, brought down to a quarter. Unknown with fewer
    than five of them."""

    unit: ClassVar[Unit] = "per mille"

    def highest(self, groups: Groups) -> int | None:
        return 1000

    def measure(self, plan: Plan, groups: Groups) -> Measure:
        def stability(of: Months) -> Measured | None:
            return None if of.circle is None else (of.circle.stability, 1)

        return stability
