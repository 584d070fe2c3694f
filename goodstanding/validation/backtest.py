"""A policy on a data set whose outcomes are known: every score as the platform would publish it, and how it did.

The data set's events are folded by the rules of the services (`offline`), month after month. Each person's last score
is the one of the publication after the last month, and is held against what happened to the person afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from goodstanding.offline import Offline
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.simulation.real_data.bands import Band, band_of, bands_of
from goodstanding.simulation.real_data.source import Source
from goodstanding.validation.measures import (
    Calibration,
    Outcome,
    Place,
    Power,
    calibration,
    commonest,
    places_of,
    power,
    stability,
)
from services.scorer.core.scorecard import Scorecard
from shared.contracts.months import month_name, month_start
from shared.contracts.retention_profile import Profile

LearnedFrom: TypeAlias = Literal["this-file", "another-file"]


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of the last publication and of the one before it, by the identifier that the partner sends. People of
    whom the data set says nothing have none."""

    before: Mapping[str, int]
    last: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """How the scores of a policy did. Shares and rates are 0 to 1."""

    policy: str
    """The policy's id."""
    month: str
    """The last month that the scores count, such as 2005-09."""
    people: int
    """Those who have a score, of whom all that follows is said."""
    without_score: int
    """Those of whom the data set has no event."""
    defaulted: int
    power: Power
    distinct_scores: int
    commonest_share: float
    """The share of the people who have the score that most people have."""
    stability: float
    """The population stability index of the last publication against the one before, in bands of 50 points."""
    calibration: Calibration
    bands: tuple[Band, ...]
    places: tuple[Place, ...]
    """Every score that somebody has, for curves."""
    learned_from: LearnedFrom | None
    """Whether the points were learned from this very file (in-sample), which flatters them. Another file may have had
    some of these people. None for points that were not learned."""


def deployment_settings(source: Source) -> FixedSettings:
    """Settings of a deployment that counts in the data set's zone and currency."""
    return FixedSettings.new(zone=source.zone.key, currency=source.currency)


def folded(
    source: Source, settings: FixedSettings, profile: Profile, step: Callable[[str], None]
) -> Iterator[tuple[int, Offline]]:
    """Each month's number once its events are taken in, with all that is known by then. `step` hears of progress."""
    offline = Offline(settings, profile)
    for month in source.months:
        step(f"Folding {month_name(month)}")
        # As in the demo: what the partner has to say of a month comes at its end.
        end = month_start(month + 1, source.zone) - timedelta(seconds=1)
        for event in source.events(month):
            offline.take(source.partner, event, end)
        yield month, offline


def scores(
    source: Source, card: Scorecard, settings: FixedSettings, profile: Profile, step: Callable[[str], None]
) -> Scores:
    """What the platform would publish in the two months after the last two of the data set."""
    [found] = scores_by(source, [card], settings, profile, step)
    return found


def scores_by(
    source: Source,
    cards: Sequence[Scorecard],
    settings: FixedSettings,
    profile: Profile,
    step: Callable[[str], None],
) -> list[Scores]:
    """The same by each of several policies, for one folding."""
    identifiers = {user_id_of(person.identifier, settings): person.identifier for person in source.people}
    published: list[list[dict[str, int]]] = [[{}] for _ in cards]
    for month, offline in folded(source, settings, profile, step):
        if month >= source.months[-2:][0]:
            for card, of_card in zip(cards, published, strict=True):
                run = month_start(month + 1, source.zone, card.publication_day)
                of_card.append(_published(offline, card, month, run, identifiers))
    return [Scores(of_card[-2], of_card[-1]) for of_card in published]


def _published(
    offline: Offline, card: Scorecard, month: int, run: datetime, identifiers: Mapping[str, str]
) -> dict[str, int]:
    through = month + 1 if card.cadence == "continuous" else month
    evaluations = offline.evaluations(card, through, run)
    return {identifiers[user_id]: evaluation.score for user_id, evaluation in evaluations.items()}


def report(source: Source, card: Scorecard, found: Scores) -> Report:
    """How these scores did. Raises OneSidedError where nobody or everybody defaulted."""
    outcomes: Sequence[Outcome] = [
        (found.last[person.identifier], person.defaulted) for person in source.people if person.identifier in found.last
    ]
    places = places_of(outcomes)
    return Report(
        policy=card.id,
        month=month_name(source.months[-1]),
        people=len(outcomes),
        without_score=len(source.people) - len(outcomes),
        defaulted=sum(place.bad for place in places),
        power=power(outcomes),
        distinct_scores=len(places),
        commonest_share=commonest(places),
        stability=stability(found.before.values(), found.last.values(), band_of),
        calibration=calibration(places),
        bands=tuple(bands_of(outcomes)),
        places=tuple(places),
        learned_from=_learned_from(card, source),
    )


def _learned_from(card: Scorecard, source: Source) -> LearnedFrom | None:
    if card.learned_from is None:
        return None
    return "this-file" if card.learned_from == source.content else "another-file"


def answer_of(found: Report) -> dict[str, object]:
    """The report for programs: measures at the top, each interval beside its measure."""
    told: dict[str, object] = {
        "policy": found.policy,
        "month": found.month,
        "people": found.people,
        "without_score": found.without_score,
        "defaulted": found.defaulted,
        "learned_from": found.learned_from,
    }
    for name in ("auc", "ks", "gini"):
        estimate = getattr(found.power, name)
        told[name] = round(estimate.value, 4)
        told[f"{name}_interval"] = [round(estimate.low, 4), round(estimate.high, 4)]
    line = found.calibration
    return {
        **told,
        "distinct_scores": found.distinct_scores,
        "commonest_share": round(found.commonest_share, 4),
        "psi": round(found.stability, 4),
        "bands": [
            {
                "low": band.low,
                "high": band.high,
                "people": band.people,
                "defaulted": band.defaulted,
                "default_rate": round(band.default_rate, 4),
            }
            for band in found.bands
        ],
        "calibration": {
            "doubling_points": _finite(line.doubling_points),
            "even_at": _finite(line.even_at),
            "error": round(line.error, 4),
            "parts": [
                {
                    "low": part.low,
                    "high": part.high,
                    "people": part.people,
                    "default_rate": round(part.default_rate, 4),
                    "expected_rate": round(part.expected_rate, 4),
                }
                for part in line.parts
            ],
        },
    }


def _finite(value: float) -> float | None:
    """JSON has no other numbers."""
    return round(value, 1) if abs(value) < 1e9 else None
