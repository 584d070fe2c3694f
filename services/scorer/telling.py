"""What the scorer says of a person, and to whom: subscribers learn a score, the portal what it rests on, and a partner
why an event was refused (rules P8)."""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Sequence

from services.scorer.core.consents import ConsentNews
from services.scorer.core.decide import Publication
from services.scorer.core.features.months import Circle
from services.scorer.core.folding import Blocked, Conflict, TooLate, TooMany
from services.scorer.core.messages import Event
from services.scorer.core.policy import Policy
from shared.contracts.erasure import Erased, mark, naming
from shared.contracts.exchange import announced, refused
from shared.contracts.explained import COLUMN_BYTES_MAX, ScoreExplained
from shared.contracts.faults import Code, Fault
from shared.contracts.messages import ScoreChange, encode
from shared.contracts.subject import ConsentNoted
from shared.contracts.topics import SCORES_CHANGED, SCORES_EXPLAINED, SUBJECT_ANSWERS
from shared.runner.service import Announcement, Outgoing

NAME = "scorer"


def score_changed(publication: Publication, policy: Policy, user_id: str, erased: Erased | None) -> Announcement:
    """What a subscriber learns of a publication; what the score rests on stays here (rules P8)."""
    evaluation = publication.evaluation
    body = ScoreChange(
        version=publication.version,
        score=evaluation.score,
        thin=evaluation.thin,
        cadence=(policy.by_id(publication.policy) or policy.at(publication.as_of)).cadence,
        as_of=publication.as_of,
        policy=publication.policy,
        restrictions=evaluation.restrictions,
        key_factors=evaluation.key_factors,
        publication=publication.run,
    )
    version, as_of = publication.version, publication.as_of
    more = naming(erased)
    return announced(NAME, SCORES_CHANGED, user_id, body, subject=user_id, version=version, time=as_of, more=more)


def marks(erased: Sequence[Erased], policy: Policy) -> tuple[Announcement, ...]:
    """On each topic on which the scorer says something of people."""
    topics = (SCORES_CHANGED, SCORES_EXPLAINED) if policy.explains else (SCORES_CHANGED,)
    return tuple(mark(NAME, topic, each) for each in erased for topic in topics)


def explained(
    user_id: str, publication: Publication, state: bytes = b"", circle: Circle | None = None, *, redacts: bool = False
) -> Announcement:
    """What the portal learns of a publication: what the score rests on, as it is kept here. It makes words and hints of
    it when somebody asks, so that a publication costs the same whether they are read or not. Without the `state` it has
    words and no hints."""
    body = ScoreExplained(
        version=publication.version,
        as_of=publication.as_of,
        policy=publication.policy,
        publication=publication.run,
        evaluation=_column(publication.column),
        # Somebody at the bounds of several partners has a score all the same, and its reasons, without hints.
        state=_column(state) if 0 < len(state) <= COLUMN_BYTES_MAX else None,
        contacts=None if circle is None else circle.standing,
        influence=None if circle is None else circle.influence,
        stability=None if circle is None else circle.stability,
        redacts=redacts,
    )
    version, as_of = publication.version, publication.as_of
    # Another id than that of the change of the score, which is of the same version.
    subject = f"{user_id}.explained"
    return announced(NAME, SCORES_EXPLAINED, user_id, body, subject=subject, version=version, time=as_of)


def _column(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode()


def noted(user_id: str, news: ConsentNews) -> Announcement:
    """What the portal learns of a consent, for the ledger that the person reads. The same news has the same id."""
    body = ConsentNoted(
        partner=news.partner,
        consent_id=news.consent_id,
        said_at=news.said_at,
        purpose=news.purpose,
        given_at=news.given_at,
        withdrawn_at=news.withdrawn_at,
    )
    subject = hashlib.sha256(user_id.encode() + encode(body)).hexdigest()[:32]
    return announced(NAME, SUBJECT_ANSWERS, user_id, body, subject=subject, version=1, time=news.said_at)


def rejected(event: Event, fault: Fault) -> Outgoing:
    """To the event's partner: position and id, and no bytes, since what came here is not what the partner sent."""
    return refused(NAME, event.partner, event.origin, fault, event.id, fieldnames=event.fieldnames)


def refusal(folded: Conflict | TooLate | TooMany | Blocked) -> Fault:
    match folded:
        case Conflict():
            return Fault(
                Code.CONFLICT, "ce_id", "Another event with this id came first; send this one with an id of its own."
            )
        case TooLate():
            return Fault(
                Code.TOO_LATE,
                "ce_time",
                "The month of the event's time no longer accepted events. Look at the month and the year; if they are"
                " right, do not send the event again, since it cannot count any more.",
            )
        case TooMany():
            return Fault(
                Code.TOO_MANY,
                "",
                "You have sent as many events of this kind about this person in this month as are taken; add them up"
                " in fewer events, and look for a loop that sends them.",
            )
        case Blocked():
            return Fault(Code.CONSENT_WITHDRAWN, "data.consent.id", "The person has withdrawn this consent.")
