"""What the interface answers with, each as a type: documentation is made from these (docs/openapi.json). Pure."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

import msgspec


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Tier and benefits, as they were published last. `tier` is null below the first; of somebody who never reached one
    nothing was published, and `version` is 0."""

    user_id: str
    version: int
    as_of: datetime
    tier: str | None
    in_force: tuple[str, ...]
    restrictions: tuple[str, ...]
    score_version: int
    falls_at: datetime | None = None
    """When the tier falls to `falls_to`, unless the score recovers."""
    falls_to: str | None = None
    ending: tuple[str, ...] = ()
    """The benefits that end then."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """The score that was published last, 350 to 950. `publication` is the month of the last monthly run, `2026-03`."""

    user_id: str
    version: int
    as_of: datetime
    score: int
    thin: bool
    policy: str
    publication: str | None
    restrictions: tuple[str, ...]
    key_factors: tuple[str, ...]


class ReasonLine(msgspec.Struct, frozen=True, kw_only=True):
    """One item: its points, the most that it could have, and why. `lost` and `not_known` sum to what is missing."""

    code: str
    dimension: str | None
    points: int
    best: int
    lost: int
    not_known: int
    sentence: str


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """Why the score is what it is: the points of `reasons` sum exactly to `score`."""

    user_id: str
    version: int
    score: int
    language: str
    reasons: tuple[ReasonLine, ...]


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What would raise the score, to which score, and in the publication of which day. `goes_on`: the person does it
    already, and would lose the points by ending it."""

    code: str
    sentence: str
    points: int
    score: int
    on: date
    goes_on: bool


class NextTier(msgspec.Struct, frozen=True, kw_only=True):
    """`reached_on` is the day if all goes on as it did lately; null where that does not reach it within a year."""

    name: str
    begins_at: int
    missing: int
    reached_on: date | None


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    version: int
    language: str
    hints: tuple[Hint, ...]
    next_tier: NextTier | None


class SaidAgainst(msgspec.Struct, frozen=True, kw_only=True):
    """Why the person says that a record is wrong, in the person's own words if there are any."""

    reason: str
    text: str | None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A negative record. `lapses_at` is null while no deadline is known; `amount` is in minor units. `said_against` is
    from the last dispute, the earliest first, and empty for a subscriber, who does not see it."""

    record_id: str
    partner: str
    report_id: str
    kind: str
    status: str
    counts: bool
    began_on: date
    ended_on: date | None
    amount: int | None
    lapses_at: datetime | None
    early_at: datetime | None
    counts_from: datetime | None
    answer_by: date | None
    statement: str | None
    said_against: tuple[SaidAgainst, ...]


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """`is_shortened` says that there are so many that what is said against them, their statements, or some of the
    records may be left out."""

    user_id: str
    records: tuple[Record, ...]
    is_shortened: bool = False


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """One publication. The points of `causes` sum exactly to `change`."""

    version: int
    as_of: datetime
    score: int
    change: int
    tier: str | None
    causes: dict[str, int]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """The publications that are kept, the earliest first."""

    user_id: str
    publications: tuple[Publication, ...]


class Taken(msgspec.Struct, frozen=True):
    """A request was taken. What comes of it is told under its id."""

    request_id: str


class Dispute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That a record is wrong, and why."""

    record_id: str
    reason: str
    text: str | None = None


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The person's own words to a record, at most 100."""

    record_id: str
    text: str


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consent that is taken back: to which partner it was given, and its id."""

    partner: str
    consent_id: str


class Permit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which subscriber may see the person from now on."""

    subscriber: str


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    subscriber: str
    given_at: datetime
    withdrawn_at: datetime | None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    who: str
    what: str


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may look, and who has: the latest looks first."""

    user_id: str
    permissions: tuple[Permission, ...]
    looks: tuple[Look, ...]


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """A consent under which a partner reports figures. `withdrawn_at` is when it was taken back; one that was taken
    back before anything came under it has no purpose."""

    partner: str
    consent_id: str
    purpose: str | None
    given_at: datetime | None
    withdrawn_at: datetime | None


class Consents(msgspec.Struct, frozen=True, kw_only=True):
    """To whom the person gave which consent: by partner, the earliest first."""

    user_id: str
    consents: tuple[Consent, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the person was answered or told; `said` is the body of the message (docs/asyncapi.json)."""

    at: datetime
    said: dict[str, Any]


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    answers: tuple[Answer, ...]


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message lies on Kafka."""

    topic: str
    partition: int
    offset: int


class EventTaken(msgspec.Struct, frozen=True, kw_only=True):
    """What ingest's rules say of one event of a message. One that is skipped is of a kind that the mapping passes
    over."""

    event_id: str | None
    result: Literal["accepted", "refused", "skipped"]
    code: str | None = None
    field: str | None = None
    sentence: str | None = None


class EventsTaken(msgspec.Struct, frozen=True, kw_only=True):
    """The message is on Kafka. `events` has each of its events in order; a message of most partners has one."""

    position: Position
    events: tuple[EventTaken, ...]


class EventVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What has become of the event that was sent last under this id. `waiting`: ingest has not come to it yet.
    `accepted`: ingest has taken it, and no service has refused it until now. `index` is which event of its message it
    is, from 0."""

    event_id: str
    result: Literal["waiting", "accepted", "refused"]
    position: Position
    index: int
    code: str | None = None
    field: str | None = None
    sentence: str | None = None


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457. `code` is stable; `detail` says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    field: str | None = None
