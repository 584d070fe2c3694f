"""A person's score explained in full, as one value: what `goodstanding explain` and `history` show. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo

import msgspec

from services.benefits.core.table import TierTable
from services.scorer.core import score
from services.scorer.core.explain import Published
from services.scorer.core.moves import Cause
from services.scorer.core.reasons.changes import Change, by_cause, changes
from services.scorer.core.reasons.figures import Language, listed
from services.scorer.core.reasons.hints import Present, hints
from services.scorer.core.reasons.obstacles import obstacles
from services.scorer.core.reasons.record_costs import RecordCost, record_costs
from services.scorer.core.reasons.sentences import Reason, Wording, key_reasons, reasons, without_policy
from services.scorer.core.reasons.words import DIMENSIONS, KINDS
from services.scorer.core.scorecard import Scorecard
from shared.contracts.months import day_of_month

HINTS_MAX = 5


class Setting(msgspec.Struct, frozen=True):
    """What is needed besides a person's rows."""

    cards: Mapping[str, Scorecard]
    """The scorecards that are at hand, by id."""
    in_force: Scorecard
    """The one that the next publication is by."""
    tiers: TierTable
    language: Language
    currency: str
    zone: tzinfo


class Dimension(msgspec.Struct, frozen=True):
    """The points of one dimension, and what its share lacks: `points + lost + not_known` is the share."""

    code: str
    name: str
    points: int
    share: int
    lost: int
    not_known: int


class Moved(msgspec.Struct, frozen=True):
    """One publication in a person's history. `causes` sum exactly to `change`, and `changes` do, by item."""

    version: int
    as_of: datetime
    score: int
    change: int
    tier: str | None
    causes: dict[Cause, int]
    changes: tuple[Change, ...]


class Advice(msgspec.Struct, frozen=True):
    """A hint in words: so many points more in the publication of `on` than without it."""

    code: str
    sentence: str
    points: int
    score: int
    on: date


class NextTier(msgspec.Struct, frozen=True):
    name: str
    begins_at: int
    missing: int
    reached_by: str | None
    """The sentence of the soonest single hint that reaches it."""


class Explained(msgspec.Struct, frozen=True):
    """The reasons' points sum exactly to the score. `dimensions`, `base` and `bounds` do so too."""

    score: int
    thin: bool
    tier: str | None
    policy: str
    restrictions: tuple[str, ...]
    reasons: tuple[Reason, ...]
    key_reasons: tuple[Reason, ...]
    dimensions: tuple[Dimension, ...]
    base: int
    bounds: int
    obstacles: tuple[str, ...]
    history: tuple[Moved, ...]
    hints: tuple[Advice, ...] | None
    """None of a day in the past, when it is too late for advice."""
    records: tuple[RecordCost, ...]
    next_tier: NextTier | None
    currency: str


def explained(rows: Sequence[Published], present: Present | None, setting: Setting, today: date) -> Explained:
    """Of a person's publications, the earliest first, of which the last one is explained. Without `present`, as of a
    day in the past, nothing is said of what comes."""
    row = rows[-1]
    evaluation = score.decode(row.evaluation)
    card = setting.cards.get(row.policy)
    wording = None if card is None else Wording(card, setting.language, setting.currency)
    found = reasons(evaluation, wording) if wording else without_policy(evaluation)
    dimensions = () if card is None else _dimensions(found, card, setting.language)
    advice = () if present is None else _advice(present, setting)
    not_known = {dimension.code: dimension.not_known for dimension in dimensions}
    of_dimensions = sum(dimension.points for dimension in dimensions)
    base = sum(reason.points for reason in found if reason.code == "base")
    return Explained(
        score=evaluation.score,
        thin=evaluation.thin,
        tier=_tier(evaluation.score, setting.tiers),
        policy=row.policy,
        restrictions=evaluation.restrictions,
        reasons=tuple(found),
        key_reasons=tuple(key_reasons(evaluation, found)),
        dimensions=dimensions,
        base=base,
        bounds=evaluation.score - base - of_dimensions,
        obstacles=() if wording is None else tuple(obstacles(evaluation, found, not_known, wording)),
        history=tuple(history(rows, setting.tiers)),
        hints=None if present is None else advice[:HINTS_MAX],
        records=() if present is None else tuple(record_costs(present, setting.in_force, today, setting.zone)),
        next_tier=_next_tier(evaluation.score, advice, setting.tiers),
        currency=setting.currency,
    )


def history(rows: Sequence[Published], tiers: TierTable) -> list[Moved]:
    """Of every publication what moved the score to it; the first one comes from nothing."""
    return [_moved(row, tiers) for row in rows]


def _moved(row: Published, tiers: TierTable) -> Moved:
    now = score.decode(row.evaluation)
    if row.evaluation_before is None:
        return Moved(row.version, row.as_of, now.score, 0, _tier(now.score, tiers), {}, ())
    before = score.decode(row.evaluation_before)
    found = changes(before, now)
    change = now.score - before.score
    return Moved(row.version, row.as_of, now.score, change, _tier(now.score, tiers), by_cause(found), tuple(found))


def _tier(reached: int, tiers: TierTable) -> str | None:
    position = tiers.reached(reached)
    return tiers.tiers[position - 1].name if position else None


def _dimensions(found: Sequence[Reason], card: Scorecard, language: Language) -> tuple[Dimension, ...]:
    made = []
    for code, share in card.dimensions.items():
        own = [reason for reason in found if reason.dimension == code]
        points = sum(reason.points for reason in own)
        lost = sum(reason.lost for reason in own if reason.best >= 0)
        # A cap would take some of what is not known, were it known.
        not_known = min(sum(reason.not_known for reason in own), max(0, share - points - lost))
        name = DIMENSIONS.get(code, (code, code))[0 if language == "en" else 1]
        made.append(Dimension(code, name, points, share, share - points - not_known, not_known))
    return tuple(made)


def _advice(present: Present, setting: Setting) -> tuple[Advice, ...]:
    card = setting.in_force
    given = []
    at_once = card.cadence == "continuous"
    for hinted in hints(present, card):
        nouns = [KINDS[kind][0 if setting.language == "en" else 1] for kind in hinted.kinds]
        sentence = str(getattr(hinted.hint, setting.language)).format(
            value=listed(nouns, setting.language), months=getattr(hinted.hint, "months", 1), observations=""
        )
        # In continuous cadence a publication follows the last of the events.
        on = day_of_month(hinted.through) if at_once else day_of_month(hinted.through + 1, card.publication_day)
        given.append(Advice(hinted.hint.code, sentence, hinted.points, hinted.score, on))
    return tuple(given)


def _next_tier(reached: int, advice: Sequence[Advice], tiers: TierTable) -> NextTier | None:
    position = tiers.reached(reached)
    if position == len(tiers.tiers):
        return None
    tier = tiers.tiers[position]
    helps = min((each for each in advice if each.score >= tier.from_score), key=lambda each: each.on, default=None)
    return NextTier(tier.name, tier.from_score, tier.from_score - reached, helps.sentence if helps else None)
