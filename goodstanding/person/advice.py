"""What a person can do, in words: what would raise the score, what to go on with, and what comes of that. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec

from goodstanding.person.setting import Setting
from services.scorer.core.catalogue import Begin, Tell, Use
from services.scorer.core.reasons.figures import listed, money, percent
from services.scorer.core.reasons.hints import Hinted, Present, outlook, published_on
from services.scorer.core.reasons.words import of_kind
from services.scorer.core.scorecard import Scorecard

HINTS_MAX, GOES_ON_MAX = 5, 2


class Advice(msgspec.Struct, frozen=True):
    """A hint in words: so many points more in the publication of `on` than without it."""

    code: str
    sentence: str
    points: int
    score: int
    on: date
    goes_on: bool
    """The person does this already, and would lose the points by ending it."""


class Outlook(msgspec.Struct, frozen=True):
    """The score of a day to come, if all goes on as in the last months, on time."""

    on: date
    score: int


class NextTier(msgspec.Struct, frozen=True):
    name: str
    begins_at: int
    missing: int
    reached_on: date | None
    """When it is reached if all goes on as in the last months, on time; None if that does not reach it in a year."""
    reached_by: str | None
    """The sentence of the soonest single hint that reaches it."""


def told(advice: Sequence[Advice]) -> tuple[Advice, ...]:
    """What helps most of what would be new, and of what the person does already."""
    new, goes_on = ([each for each in advice if each.goes_on is wanted] for wanted in (False, True))
    return (*new[:HINTS_MAX], *goes_on[:GOES_ON_MAX])


def outlook_of(present: Present, card: Scorecard) -> tuple[Outlook, ...]:
    return tuple(Outlook(published_on(through, card), reached) for through, reached in outlook(present, card))


def advised(found: Sequence[Hinted], setting: Setting) -> tuple[Advice, ...]:
    card = setting.in_force
    return tuple(
        Advice(
            code=hinted.hint.code,
            sentence=_sentence(hinted, setting),
            points=hinted.points,
            score=hinted.score,
            on=published_on(hinted.through, card),
            goes_on=hinted.goes_on,
        )
        for hinted in found
    )


def _sentence(hinted: Hinted, setting: Setting) -> str:
    hint, language = hinted.hint, setting.language
    amount = money(hint.at_least, setting.currency, language) if isinstance(hint, Begin | Tell) else ""
    at_least = ""
    if isinstance(hint, Use):
        value, at_least = percent(hint.below), percent(hint.at_least)
    else:
        value = listed([of_kind(kind)[0 if language == "en" else 1] for kind in hinted.kinds], language)
    return str(getattr(hint, language)).format(
        value=value, at_least=at_least, months=getattr(hint, "months", 1), observations="", amount=amount
    )


def next_tier(reached: int, advice: Sequence[Advice], ahead: Sequence[Outlook], setting: Setting) -> NextTier | None:
    tiers = setting.tiers
    position = tiers.reached(reached)
    if position == len(tiers.tiers):
        return None
    tier = tiers.tiers[position]
    new = (each for each in advice if each.score >= tier.from_score and not each.goes_on)
    helps = min(new, key=lambda each: each.on, default=None)
    return NextTier(
        name=tier.called(setting.language),
        begins_at=tier.from_score,
        missing=tier.from_score - reached,
        reached_on=next((each.on for each in ahead if each.score >= tier.from_score), None),
        reached_by=helps.sentence if helps else None,
    )
