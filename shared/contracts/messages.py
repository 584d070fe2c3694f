"""The bodies of all messages, one definition each: read by pydantic, written by msgspec (decision 0003).

Those of `subject.requests` and `subject.answers` stand in `subject`, and what fields may hold in `fields`. Bytes are
canonical: fields in the order of declaration, none that equals its default, so that a message produced again is
byte-equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from operator import attrgetter
from typing import Annotated, Any, Literal, ParamSpec, TypeVar, cast

import msgspec
from annotated_types import Ge, Le, Len
from pydantic import Field as Bound
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.json_schema import GenerateJsonSchema

from shared.contracts.body_faults import fault_of
from shared.contracts.explained import RecordsHeld, ScoreExplained
from shared.contracts.faults import Fault
from shared.contracts.fields import (
    BENEFITS_MAX,
    COUNT_MAX,
    DAYS_LATE_MAX,
    FIELD_CHARACTERS_MAX,
    PRINTABLE,
    SCORE_MAX,
    SCORE_MIN,
    SENTENCE_CHARACTERS_MAX,
    STRICT,
    TEXT_CHARACTERS_MAX,
    Amount,
    BehaviorKind,
    Day,
    Id,
    Instant,
    MonthNumber,
    RecordKind,
    Text,
    UserId,
)
from shared.contracts.kinds import RecordClassName
from shared.contracts.subject import (
    ConsentNoted,
    ErasureConfirmed,
    ErasureReceipt,
    OwnText,
    SubjectAnswer,
    SubjectNotice,
    SubjectRequest,
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Consent:
    """The recorded consent under which a figure was given."""

    id: Id
    purpose: Text
    given_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class BehaviorEvent:
    """What a person did; `behavior.normalized`. Which fields a kind has is the taxonomy's, see kinds.Shape.

    `amount` and `limit` are in minor units of the deployment's base currency and never negative: `reverses` says that
    an earlier activity is taken back. `limit` is what the card that a statement is about could be charged with at most.
    `days_late` is 0 for what was cleared on time. `contact` is a user_id.
    """

    kind: BehaviorKind
    count: Annotated[int, Ge(1), Le(COUNT_MAX)] = 1
    amount: Amount | None = None
    limit: Amount | None = None
    days_late: Annotated[int, Ge(0), Le(DAYS_LATE_MAX)] | None = None
    reverses: bool = False
    value: Text | None = None
    contact: UserId | None = None
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RecordReport:
    """What a provider says of a negative record; `records.reported`. `report_id` is the provider's own.

    `reported` says that the record is there, `settled` that it has ended. `resolved` is the answer to a dispute, or a
    correction of the provider's own, and `outcome` says which: `corrected` names what is right instead (`began_on`,
    `ended_on`, `amount`), `deleted` takes the record back, `confirmed` upholds it, and `unverifiable` says that nobody
    can tell. `dispute` is the number that the question on `disputes.<partner>` had. `certificate` names the provider's
    certificate that a record is right after all, without which one that was deleted is not reported again.
    """

    kind: RecordKind
    report_id: Id
    status: Literal["reported", "settled", "resolved"]
    began_on: Day | None = None
    ended_on: Day | None = None
    amount: Amount | None = None
    outcome: Literal["corrected", "deleted", "confirmed", "unverifiable"] | None = None
    dispute: Id | None = None
    certificate: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RecordChange:
    """The state of a negative record after a change; `records.changed`. `counts`: whether it bears on the score.

    A record is `disputed` while its provider is asked, and then `confirmed`, `corrected`, `unverifiable` or `deleted`;
    before and without a dispute it is `open` or `settled`. Whether it has ended is said by `ended_on`.

    `kind` is a record of the taxonomy, whose list may grow without a new version. `lapses_at` is the instant at which
    the record stops counting, absent while the bad behavior goes on. Of a record that is `expired` or `deleted` nothing
    is said but that; every other one has `kind`, `record_class` and `began_on`.
    """

    record_id: Id
    version: Annotated[int, Ge(1)]
    kind: Text | None = None
    record_class: RecordClassName | None = None
    status: Literal["open", "settled", "disputed", "confirmed", "corrected", "unverifiable", "expired", "deleted"]
    counts: bool
    began_on: Day | None = None
    amount: Amount | None = None
    ended_on: Day | None = None
    lapses_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DisputeQuestion:
    """What a provider is asked when a person disputes its record; `disputes.<partner>`, whose key is the report id.

    It names the provider's own report and never the person. `dispute` is the number that the answer names; `reason` is
    one of those of SubjectRequest, and `text` is the person's own. `began_on`, `ended_on` and `amount` are what is held
    of the record. An answer counts until the end of `answer_by`; none in time means that nobody can say that the record
    is right. A further question of one dispute has the same number, and the last one says how long there is.
    """

    dispute: Id
    report_id: Id
    kind: Text
    reason: Text
    text: OwnText | None = None
    began_on: Day
    ended_on: Day | None = None
    amount: Amount | None = None
    asked_on: Day
    answer_by: Day


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RecordSettled:
    """Which of its records a provider has settled by what it reported; `disputes.<partner>`, whose key is the report
    id.

    `ended_on` is the day that counts: of several settlements the earliest, and of a kind that ends at once the day on
    which it began. The record lapses at `lapses_at`. It names the provider's own report and never the person.
    """

    report_id: Id
    kind: Text
    ended_on: Day
    lapses_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ScoreChange:
    """A publication of a person's score; `scores.changed`, whose key is the person.

    `version` counts 1, 2, 3 per person. `publication` is the month number (year * 12 + month - 1) of the last monthly
    publication, absent before the first. `as_of` is the instant that the score is for. `policy` is `<name>@<hash>`.
    `restrictions` and `key_factors` are codes: a subscriber does not learn what somebody paid.
    """

    version: Annotated[int, Ge(1)]
    score: Annotated[int, Ge(SCORE_MIN), Le(SCORE_MAX)]
    thin: bool
    cadence: Literal["monthly", "continuous"]
    as_of: Instant
    policy: Annotated[str, Bound(pattern=r"^[a-z0-9._-]{1,40}@[0-9a-f]{12}$")]
    restrictions: Annotated[tuple[Text, ...], Len(0, 16)]
    key_factors: Annotated[tuple[Text, ...], Len(0, 5)]
    publication: MonthNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Refusal:
    """Why an event was refused: the extension attributes of a message on `behavior.rejected.<partner>`.

    `code` is one of faults.Code, whose list may grow without a new version. `field` is absent where the message as a
    whole is at fault. `origin` is `<raw topic>/<partition>/<offset>`; `eventid` is the partner's own id of the event,
    if it was readable. `lastorigin` is there where one refusal answers for several records in a row, none of which can
    be read: it is the position of the last of them, as `origin` is of the first. `omitted` is `value` where the
    event's bytes are too many to come back, or are some of a message with many events; they lie at `origin`. `index`
    is which of these events it was, counted from 0. `mapping` is by which mapping ingest read it:
    `<partner>@<the first digits of the file's SHA-256>`.
    """

    code: Annotated[str, Bound(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=TEXT_CHARACTERS_MAX)]
    field: Annotated[str, Bound(max_length=FIELD_CHARACTERS_MAX, pattern=PRINTABLE)] | None = None
    sentence: Annotated[str, Bound(min_length=1, max_length=SENTENCE_CHARACTERS_MAX, pattern=PRINTABLE)]
    origin: Annotated[str, Bound(pattern=r"^[a-zA-Z0-9._-]{1,249}/[0-9]+/[0-9]+$")]
    eventid: Id | None = None
    lastorigin: Annotated[str, Bound(pattern=r"^[a-zA-Z0-9._-]{1,249}/[0-9]+/[0-9]+$")] | None = None
    omitted: Annotated[str, Bound(pattern="^value$")] | None = None
    index: Annotated[str, Bound(pattern="^[0-9]{1,6}$")] | None = None
    mapping: Annotated[str, Bound(pattern="^[a-z][a-z0-9-]{0,39}@[0-9a-f]{12}$")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class TierChange:
    """A change of a person's tier, benefits or restrictions; `tiers.changed`, whose key is the person.

    `version` counts 1, 2, 3 per person. `tier` is a code of the tier table, absent below its first; `previous_tier` is
    that of the version before. `granted` and `revoked` are the codes of the benefits won and lost since the version
    before, `in_force` all that the person has now, so that the last message alone tells where somebody stands.
    `restrictions` are those of the score; `score_version` says which one, and `as_of` the instant that the change is
    for. `policy` is `<name>@<hash>`. Where the tier is kept by grace, `falls_at` is the instant at which it falls to
    `falls_to` (absent: below the first) unless the score recovers, and `ending` has the benefits that end then.
    """

    version: Annotated[int, Ge(1)]
    tier: Text | None = None
    previous_tier: Text | None = None
    granted: Annotated[tuple[Text, ...], Len(0, BENEFITS_MAX)]
    revoked: Annotated[tuple[Text, ...], Len(0, BENEFITS_MAX)]
    in_force: Annotated[tuple[Text, ...], Len(0, BENEFITS_MAX)]
    restrictions: Annotated[tuple[Text, ...], Len(0, 16)]
    score_version: Annotated[int, Ge(1)]
    as_of: Instant
    policy: Annotated[str, Bound(pattern=r"^[a-z0-9._-]{1,40}@[0-9a-f]{12}$")]
    falls_at: Instant | None = None
    falls_to: Text | None = None
    ending: Annotated[tuple[Text, ...], Len(0, BENEFITS_MAX)] | None = None


TYPES: dict[type, str] = {
    BehaviorEvent: "goodstanding.behavior.normalized.v1",
    RecordReport: "goodstanding.record.reported.v1",
    RecordChange: "goodstanding.record.changed.v1",
    ScoreChange: "goodstanding.score.changed.v1",
    Refusal: "goodstanding.event.rejected.v1",
    TierChange: "goodstanding.tier.changed.v1",
    DisputeQuestion: "goodstanding.record.disputed.v1",
    RecordSettled: "goodstanding.record.settled.v1",
    SubjectRequest: "goodstanding.subject.requested.v1",
    SubjectAnswer: "goodstanding.subject.answered.v1",
    SubjectNotice: "goodstanding.subject.notified.v1",
    ConsentNoted: "goodstanding.consent.noted.v1",
    ErasureReceipt: "goodstanding.erasure.receipted.v1",
    ErasureConfirmed: "goodstanding.erasure.confirmed.v1",
    ScoreExplained: "goodstanding.score.explained.v1",
    RecordsHeld: "goodstanding.records.held.v1",
}
"""Each body with the CloudEvents type of its messages."""

_ADAPTERS: dict[type, TypeAdapter[Any]] = {body: TypeAdapter(body) for body in TYPES}
_ENCODER = msgspec.json.Encoder()


def _written_as(body: type) -> Callable[[Any], msgspec.Struct]:
    """Makes of a body what msgspec writes: the same fields, and none that has its default.

    msgspec compares with a default by identity, which for None, False and small integers is equality. A required field
    has the default MISSING, which no value is.
    """
    defaults = {field.name: field.default for field in fields(body)}
    assert all(default in (MISSING, None, False, 1) for default in defaults.values()), "compared by identity"
    written = msgspec.defstruct(body.__name__, [(n, Any, d) for n, d in defaults.items()], omit_defaults=True, gc=False)
    values_of = attrgetter(*defaults)
    if len(defaults) == 1:
        # Of one name it gives the value, and no tuple with the value in it.
        return lambda instance: written(values_of(instance))
    return lambda instance: written(*values_of(instance))


_WRITTEN_AS: dict[type, Callable[[Any], msgspec.Struct]] = {body: _written_as(body) for body in TYPES}
_NAMES = dict(TYPES)


def unchecked(body: Callable[P, T]) -> Callable[P, T]:
    """Makes of the body's fields what is written of it, and nothing else, for a sender that writes many. The values are
    not looked at, so they have to be the sender's own, as words of its code and numbers of its tables are. It takes a
    tenth of the time. Raises TypeError for a field that must be there and is not."""
    assert isinstance(body, type)
    named: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (each.name, Any) if each.default is MISSING else (each.name, Any, each.default) for each in fields(body)
    ]
    written = msgspec.defstruct(body.__name__, named, omit_defaults=True, gc=False, kw_only=True, frozen=True)
    _WRITTEN_AS[written], _NAMES[written] = lambda made: made, TYPES[body]
    return cast(Callable[P, T], written)


def type_of(body: Any) -> str:
    """The CloudEvents type of the body's messages."""
    return _NAMES[type(body)]


def read(model: type[T], value: bytes) -> T | Fault:
    """The message in these bytes. For topics that we write ourselves: a field that the contract lacks is refused."""
    try:
        return cast(T, _ADAPTERS[model].validate_json(value))
    except ValidationError as error:
        return fault_of(error)


def follow(model: type[T], value: bytes) -> T | Fault:
    """As `read`, for subscribers: a later release may have added optional fields, which are passed over."""
    try:
        return cast(T, _ADAPTERS[model].validate_json(value, extra="ignore"))
    except ValidationError as error:
        return fault_of(error)


def encode(body: Any) -> bytes:
    """The canonical bytes of a message body (one of TYPES)."""
    return _ENCODER.encode(_WRITTEN_AS[type(body)](body))


def schema(model: type) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a body, as pydantic makes it."""
    return _ADAPTERS[model].json_schema(schema_generator=_Untitled)


class _Untitled(GenerateJsonSchema):
    """pydantic gives each field its own name as a title, which says nothing."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False
