"""What partners tell of negative records in the campaign: short stories, drawn from a seed.

A partner's messages about a record keep their order on the way to retention, but a killed ingest tells the last of them
once more. So only such stories are told as come out the same when any stretch of them is told again behind its end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal, TypeAlias

from shared.contracts.kinds import KIND_OF, KINDS, Ends, Shape
from tests.support.oracle.records import Report

Outcome: TypeAlias = Literal["confirmed", "corrected", "deleted", "unverifiable"]

_DAY = timedelta(days=1)
_KINDS = tuple(kind for kind in KINDS if kind.shape is Shape.RECORD)


@dataclass(frozen=True, slots=True)
class Days:
    """When the records of a stretch ended. `recent`: far from any deadline; `lapsing`: the last days of such as lapse
    while the campaign runs, by stretch; `lapsed`: the last day of one that is over before it is reported."""

    recent: date
    lapsing: Sequence[Sequence[date]]
    lapsed: date


def tell(rng: random.Random, report_id: str, days: Days, profile: Mapping[str, Any]) -> list[Report]:
    """One record's reports, in the order in which they are sent."""
    story = rng.choices(_STORIES, _WEIGHTS)[0]
    return story(*_drawn(rng, report_id, days, profile, lapsed=story is _reported_too_late))


def tell_to_dispute(rng: random.Random, report_id: str, days: Days, profile: Mapping[str, Any]) -> list[Report]:
    """A plain story of a record that is held when all of it is told."""
    story = rng.choice((_never_settled, _settled, _over_when_reported))
    return story(*_drawn(rng, report_id, days, profile))


OUTCOMES: tuple[Outcome, ...] = ("confirmed", "corrected", "deleted", "unverifiable")


def answer(rng: random.Random, about: Report, days: Days, outcome: Outcome, dispute: str | None) -> Report:
    """What the provider says later of a record: an answer to a dispute, or, without one, of its own accord. A
    correction names a late end, so that a deadline that is near becomes one that is far away."""
    resolved = Report(id=about.id, kind=about.kind, status="resolved", outcome=outcome, dispute=dispute)
    if outcome != "corrected":
        return resolved
    if KIND_OF[about.kind].ends is Ends.AT_ONCE:
        return replace(resolved, amount=rng.randint(1, 10**6))
    return replace(resolved, ended_on=days.recent + rng.randint(1, 20) * _DAY)


def _drawn(
    rng: random.Random, report_id: str, days: Days, profile: Mapping[str, Any], *, lapsed: bool = False
) -> tuple[Report, Report]:
    """A record's report and its settlement."""
    kind = rng.choice(_KINDS)
    years = profile["years"][kind.record_class]
    ended_on = days.recent - rng.randint(0, 300) * _DAY
    if lapsed:
        ended_on = _years_before(days.lapsed - rng.randint(0, 300) * _DAY, years)
    elif days.lapsing and rng.random() < 0.6:
        ended_on = _years_before(rng.choice(rng.choice(days.lapsing)), years)
    began_on = ended_on if kind.ends is Ends.AT_ONCE else ended_on - rng.randint(30, 90) * _DAY
    amount = rng.randint(1, 10**6) if rng.random() < 0.8 else None
    reported = Report(id=report_id, kind=kind.name, status="reported", began_on=began_on, amount=amount)
    settled = Report(id=report_id, kind=kind.name, status="settled", ended_on=ended_on)
    return reported, settled


def _years_before(day: date, years: int) -> date:
    """The day on which a record ended whose last day this is; none of the drawn ones is a leap day."""
    return day.replace(year=day.year - years)


def _never_settled(reported: Report, settled: Report) -> list[Report]:
    return [reported]


def _settled(reported: Report, settled: Report) -> list[Report]:
    return [reported, settled]


def _settled_first(reported: Report, settled: Report) -> list[Report]:
    return [settled, reported]


def _over_when_reported(reported: Report, settled: Report) -> list[Report]:
    return [replace(reported, ended_on=settled.ended_on)]


def _told_otherwise(reported: Report, settled: Report) -> list[Report]:
    assert reported.began_on is not None
    return [reported, replace(reported, began_on=reported.began_on - _DAY), settled]


def _running_balance(reported: Report, settled: Report) -> list[Report]:
    """Another amount of a record that is open is its balance from then on."""
    return [reported, replace(reported, amount=(reported.amount or 0) + 1), settled]


def _settled_as_another_kind(reported: Report, settled: Report) -> list[Report]:
    other = next(kind.name for kind in _KINDS if kind.name != reported.kind)
    return [reported, replace(settled, kind=other), settled]


def _settled_before_it_began(reported: Report, settled: Report) -> list[Report]:
    assert reported.began_on is not None
    return [reported, replace(settled, ended_on=reported.began_on - _DAY), settled]


def _re_aged(reported: Report, settled: Report) -> list[Report]:
    """A later day is refused; for a kind that ends at once it changes nothing."""
    assert settled.ended_on is not None
    return [reported, settled, replace(settled, ended_on=settled.ended_on + 20 * _DAY)]


def _ended_earlier(reported: Report, settled: Report) -> list[Report]:
    """A later settlement names an earlier day, which counts; for a kind that ends at once it changes nothing."""
    assert settled.ended_on is not None
    return [reported, replace(settled, ended_on=settled.ended_on + 20 * _DAY), settled]


def _reported_too_late(reported: Report, settled: Report) -> list[Report]:
    return [replace(reported, ended_on=settled.ended_on)]


_Story = Callable[[Report, Report], list[Report]]
_SHARES: Mapping[_Story, int] = {
    _never_settled: 20,
    _settled: 25,
    _settled_first: 15,
    _over_when_reported: 10,
    _told_otherwise: 6,
    _running_balance: 6,
    _settled_as_another_kind: 6,
    _settled_before_it_began: 6,
    _re_aged: 6,
    _ended_earlier: 6,
    _reported_too_late: 6,
}
_STORIES, _WEIGHTS = tuple(_SHARES), tuple(_SHARES.values())
