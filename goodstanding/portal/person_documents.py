"""What the interface answers about one person, made of what is known of that person. Pure."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from goodstanding.person.explained import Explained, Moved
from goodstanding.person.held import state_of
from goodstanding.portal.documents import (
    Hint,
    Hints,
    History,
    NextTier,
    Publication,
    ReasonLine,
    Reasons,
    Record,
    Records,
    Score,
    Standing,
)
from goodstanding.portal.people import Known
from services.scorer.core import score
from shared.contracts.explained import HeldRecord
from shared.contracts.months import month_name


def for_others(known: Known) -> Known | None:
    """What a subscriber may know of the person, which is nothing of a record that is withheld (rules R27), and nothing
    of what the person has said to its provider. None if nothing else is known: then a subscriber does not even learn
    that there is such a person."""
    records = tuple(replace(each, said_against=()) for each in known.records if not each.withheld)
    if not records and known.tier is None and not known.scores:
        return None
    # Where statements are left, nothing is left out but what was said against the records.
    is_shortened = known.is_shortened and not any(each.statement for each in known.records)
    return replace(known, records=records, is_shortened=is_shortened)


def standing(known: Known) -> Standing | None:
    if (tier := known.tier) is None:
        if (row := known.last) is None:
            return None
        return Standing(
            user_id=known.user_id,
            version=0,
            as_of=row.as_of,
            tier=None,
            in_force=(),
            restrictions=score.decode(row.evaluation).restrictions,
            score_version=row.version,
        )
    return Standing(
        user_id=known.user_id,
        version=tier.version,
        as_of=tier.as_of,
        tier=tier.tier,
        in_force=tuple(tier.in_force),
        restrictions=tuple(tier.restrictions),
        score_version=tier.score_version,
        falls_at=tier.falls_at,
        falls_to=tier.falls_to,
        ending=tuple(tier.ending or ()),
    )


def scored(known: Known) -> Score | None:
    if (row := known.last) is None:
        return None
    evaluation = score.decode(row.evaluation)
    return Score(
        user_id=known.user_id,
        version=row.version,
        as_of=row.as_of,
        score=evaluation.score,
        thin=evaluation.thin,
        policy=row.policy,
        publication=None if row.run is None else month_name(row.run),
        restrictions=evaluation.restrictions,
        key_factors=evaluation.key_factors,
    )


def reasons(known: Known, found: Explained, language: str) -> Reasons:
    return Reasons(
        user_id=known.user_id,
        version=found.history[-1].version,
        score=found.score,
        language=language,
        reasons=tuple(msgspec.convert(each, ReasonLine, from_attributes=True) for each in found.reasons),
    )


def hints(known: Known, found: Explained, language: str) -> Hints:
    return Hints(
        user_id=known.user_id,
        version=found.history[-1].version,
        language=language,
        hints=tuple(msgspec.convert(each, Hint, from_attributes=True) for each in found.hints or ()),
        next_tier=None if found.next_tier is None else msgspec.convert(found.next_tier, NextTier, from_attributes=True),
    )


def records(known: Known) -> Records:
    records = tuple(map(_record, known.records))
    return Records(user_id=known.user_id, records=records, is_shortened=known.is_shortened)


def _record(held: HeldRecord) -> Record:
    record = msgspec.convert(held, Record, from_attributes=True)
    return msgspec.structs.replace(record, status=state_of(held.status, held.ended_on))


def history(known: Known, found: Explained) -> History:
    return History(user_id=known.user_id, publications=tuple(map(_publication, found.history)))


def _publication(moved: Moved) -> Publication:
    return Publication(
        version=moved.version,
        as_of=moved.as_of,
        score=moved.score,
        change=moved.change,
        tier=moved.tier,
        causes={str(cause): points for cause, points in moved.causes.items()},
    )
