"""A person's score explained in full, as one value: what `goodstanding explain` and `history` show. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import date, datetime, timedelta

import msgspec

from goodstanding.person.advice import Advice, NextTier, Outlook, advised, next_tier, outlook_of, told
from goodstanding.person.moved import MovedBy, moved_by
from goodstanding.person.phrases import phrase
from goodstanding.person.setting import Setting
from services.benefits.core.table import TierTable
from services.retention.core.deadline import last_day_of
from services.scorer.core import score
from services.scorer.core.explain import Published
from services.scorer.core.moves import Cause
from services.scorer.core.reasons.changes import Change, by_cause, changes
from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.former import with_former
from services.scorer.core.reasons.hints import Hinted, Present, hints
from services.scorer.core.reasons.obstacles import obstacles
from services.scorer.core.reasons.record_costs import RecordCost, record_costs
from services.scorer.core.reasons.sentences import (
    Reason,
    Wording,
    key_reasons,
    reasons,
    rules_behind,
    without_policy,
)
from services.scorer.core.scorecard_parts import Rule
from shared.contracts.kinds import RecordClass

FALLS_MAX = 6
"""Those of about two years; a table has all publications."""


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


class Fall(msgspec.Struct, frozen=True):
    """A publication by which the score fell, and what moved it, in words."""

    moved: Moved
    by: tuple[MovedBy, ...]


class Explained(msgspec.Struct, frozen=True):
    """The reasons' points sum exactly to the score. `dimensions`, `base` and `bounds` do so too."""

    score: int
    thin: bool
    tier: str | None
    policy: str
    restrictions: tuple[str, ...]
    closed: tuple[str, ...]
    """The benefits that the restrictions close, by their names."""
    reasons: tuple[Reason, ...]
    key_reasons: tuple[Reason, ...]
    dimensions: tuple[Dimension, ...]
    base: int
    bounds: int
    obstacles: tuple[str, ...]
    history: tuple[Moved, ...]
    moved_at: int
    """The publication of `history` at which the score changed last, the last one if it never did."""
    moved: tuple[MovedBy, ...]
    """What moved the score to that publication, in words. It sums exactly to its change."""
    outlook: tuple[Outlook, ...]
    """Of each month of the year to come; none of a day in the past."""
    hints: tuple[Advice, ...] | None
    """None of a day in the past, when it is too late for advice."""
    records: tuple[RecordCost, ...]
    gone_if_settled: Mapping[str, date]
    """By class: the day on which a record would be gone that is settled today."""
    next_tier: NextTier | None
    currency: str


class Ahead(msgspec.Struct, frozen=True):
    """What comes, before it is put into words: to find it takes longer than to say it, so both languages share it."""

    outlook: tuple[Outlook, ...]
    hints: tuple[Hinted, ...]
    records: tuple[RecordCost, ...]


def ahead_of(present: Present, setting: Setting, today: date) -> Ahead:
    """The language of the setting does not matter."""
    card = setting.in_force
    return Ahead(
        outlook=outlook_of(present, card),
        hints=tuple(hints(present, card)),
        records=tuple(record_costs(present, card, today, setting.zone)),
    )


def explained(rows: Sequence[Published], ahead: Ahead | None, setting: Setting, today: date) -> Explained:
    """Of a person's publications, the earliest first, of which the last one is explained. Without `ahead`, as of a day
    in the past, nothing is said of what comes."""
    row = rows[-1]
    evaluation = score.decode(row.evaluation)
    card = setting.cards.get(row.policy)
    wording = None if card is None else Wording(card, setting.language, setting.currency)
    past = history(rows, setting.tiers, setting.language)
    moved_at = max((index for index, moved in enumerate(past) if moved.change), default=len(past) - 1)
    found = reasons(evaluation, wording) if wording else without_policy(evaluation)
    dimensions = () if wording is None else _dimensions(found, wording)
    advice = () if ahead is None else advised(ahead.hints, setting)
    outlook = () if ahead is None else ahead.outlook
    not_known = {dimension.code: dimension.not_known for dimension in dimensions}
    of_dimensions = sum(dimension.points for dimension in dimensions)
    base = sum(reason.points for reason in found if reason.code == "base")
    return Explained(
        score=evaluation.score,
        thin=evaluation.thin,
        tier=_tier(evaluation.score, setting.tiers, setting.language),
        policy=row.policy,
        restrictions=evaluation.restrictions,
        closed=_closed(evaluation.restrictions, setting),
        reasons=tuple(found if wording is None else with_caps(found, rules_behind(evaluation, wording.card), wording)),
        key_reasons=tuple(key_reasons(evaluation, found)),
        dimensions=dimensions,
        base=base,
        bounds=evaluation.score - base - of_dimensions,
        obstacles=() if wording is None else tuple(obstacles(evaluation, found, not_known, wording)),
        history=tuple(past),
        moved_at=moved_at,
        moved=tuple(_moved_by(rows[: moved_at + 1], past[moved_at], setting)),
        outlook=outlook,
        hints=None if ahead is None else told(advice),
        records=() if ahead is None else ahead.records,
        gone_if_settled={
            each.value: last_day_of(each, today, setting.profile) + timedelta(days=1) for each in RecordClass
        },
        next_tier=next_tier(evaluation.score, advice, outlook, setting),
        currency=setting.currency,
    )


def falls(rows: Sequence[Published], found: Explained, setting: Setting) -> list[Fall]:
    """The last times that the score fell, the latest first. `found` explains these publications."""
    last = len(found.history) - 1
    fallen = [index for index, moved in enumerate(found.history) if moved.change < 0][-FALLS_MAX:]
    return [
        Fall(
            found.history[index], tuple(_moved_by(rows[: index + 1], found.history[index], setting, past=index < last))
        )
        for index in reversed(fallen)
    ]


def history(rows: Sequence[Published], tiers: TierTable, language: Language) -> list[Moved]:
    """Of every publication what moved the score to it; the first one comes from nothing."""
    return [_moved(row, tiers, language) for row in rows]


def _moved(row: Published, tiers: TierTable, language: Language) -> Moved:
    now = score.decode(row.evaluation)
    tier = _tier(now.score, tiers, language)
    if row.evaluation_before is None:
        return Moved(row.version, row.as_of, now.score, 0, tier, {}, ())
    before = score.decode(row.evaluation_before)
    found = changes(before, now)
    return Moved(row.version, row.as_of, now.score, now.score - before.score, tier, by_cause(found), tuple(found))


def _moved_by(rows: Sequence[Published], last: Moved, setting: Setting, *, past: bool = False) -> Sequence[MovedBy]:
    """The last change in the words of both policies: an item that is gone has its sentence from the one before. Where
    other publications came after it, what its sentences call today is not today any more."""
    moved = {change.code for change in last.changes}
    told = [_sentences(row, setting, moved) for row in rows[-2:]]
    sentences = told[-1]
    if len(told) > 1:
        before, now = rows[-2:]
        gone = {code: _no_longer(said, setting.language) for code, said in told[0].items() if code not in sentences}
        if before.policy == now.policy and (card := setting.cards.get(now.policy)) is not None:
            wording = Wording(card, setting.language, setting.currency)
            both = score.decode(before.evaluation), score.decode(now.evaluation)
            sentences = {code: with_former(said, code, *both, wording) for code, said in sentences.items()}
        sentences |= gone
    if past:
        sentences = {code: phrase("then", setting.language, sentence=said) for code, said in sentences.items()}
    return moved_by(last.changes, last.as_of.astimezone(setting.zone), sentences, setting.language)


def _sentences(row: Published, setting: Setting, codes: Container[str]) -> dict[str, str]:
    """Those of the items with these codes, by code."""
    evaluation, card = score.decode(row.evaluation), setting.cards.get(row.policy)
    wording = None if card is None else Wording(card, setting.language, setting.currency)
    found = reasons(evaluation, wording, codes) if wording else without_policy(evaluation)
    return {reason.code: reason.sentence for reason in found if reason.code in codes}


def _no_longer(sentence: str, language: Language) -> str:
    return f"No longer: {sentence}" if language == "en" else f"不再：{sentence}"


def _closed(restrictions: Sequence[str], setting: Setting) -> tuple[str, ...]:
    closed = setting.tiers.closed(restrictions)
    benefits = [benefit for tier in setting.tiers.tiers for benefit in tier.benefits]
    return tuple(benefit.called(setting.language) for benefit in benefits if benefit.code in closed)


def _tier(reached: int, tiers: TierTable, language: Language) -> str | None:
    position = tiers.reached(reached)
    return tiers.tiers[position - 1].called(language) if position else None


def with_caps(found: Sequence[Reason], rules: Sequence[Rule], wording: Wording) -> list[Reason]:
    """The reasons, with each cap as one, whether it takes something today or not: of the best points of its rules it
    takes what is above it, and so of those that are not known yet. Each column sums to what `_dimensions` says."""
    codes = {rule.code for rule in rules}
    taking = {reason.code: reason for reason in found}
    caps = [cap for cap in wording.card.caps if codes & {*cap.rules}]
    left = {
        code: _not_known(found, code, share) - sum(reason.not_known for reason in found if reason.dimension == code)
        for code, share in wording.card.dimensions.items()
    }
    made = []
    for cap in caps:
        dimension = next(rule.dimension for rule in rules if rule.code in cap.rules)
        points = taking[cap.code].points if cap.code in taking else 0
        best = -cap.most_taken_back(rules)
        not_known = max(left[dimension], best - points)
        left[dimension] -= not_known
        lost = best - points - not_known
        made.append(Reason(cap.code, dimension, points, best, lost, not_known, wording.said(cap)))
    others = [reason for reason in found if reason.code not in {cap.code for cap in caps}]
    behind = max((index for index, reason in enumerate(others, 1) if reason.code in codes), default=len(others))
    return [*others[:behind], *made, *others[behind:]]


def _dimensions(found: Sequence[Reason], wording: Wording) -> tuple[Dimension, ...]:
    made = []
    for code, share in wording.card.dimensions.items():
        points = sum(reason.points for reason in found if reason.dimension == code)
        not_known = _not_known(found, code, share)
        made.append(Dimension(code, wording.dimension(code), points, share, share - points - not_known, not_known))
    return tuple(made)


def _not_known(found: Sequence[Reason], dimension: str, share: int) -> int:
    """A cap would take some of what is not known, were it known."""
    own = [reason for reason in found if reason.dimension == dimension]
    points = sum(reason.points for reason in own)
    lost = sum(reason.lost for reason in own if reason.best >= 0)
    return min(sum(reason.not_known for reason in own), max(0, share - points - lost))
