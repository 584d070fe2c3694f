"""What people ask of the platform, and what it tells them: the bodies of `subject.requests` and `subject.answers`."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from annotated_types import Ge, Len
from pydantic import Field as Bound
from pydantic.dataclasses import dataclass

from shared.contracts.fields import PRINTABLE, STRICT, Amount, Day, Id, Instant, Text

WORDS_MAX = 100
"""Words of a person's own text, as the FCRA (section 611(b)) allows an agency to limit a statement."""
TEXT_OF_PERSON_CHARACTERS_MAX = 1_000
"""The same limit for scripts that do not part words: a hundred long English words, or a page of Chinese."""
SENTENCE_CHARACTERS_MAX = 500
REQUEST_ID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
"""A request's id is part of the ids of its answers, which have to be ids too."""

Ask = Literal["dispute", "statement", "erase", "withdraw-consent", "re-evaluate", "export"]
Reason = Literal[
    "not-mine", "mixed-up", "not-liable", "paid", "wrong-amount", "wrong-day", "reported-twice", "fraud", "other"
]
"""Why a record is wrong: another person's; one of a person with the same name; owed by somebody else; paid already; the
amount; a day; the same obligation as another record; somebody used the person's name; something else, see the text."""
REASONS: tuple[Reason, ...] = get_args(Reason)
Code = Annotated[str, Bound(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=64)]
Sentence = Annotated[str, Bound(min_length=1, max_length=SENTENCE_CHARACTERS_MAX, pattern=PRINTABLE)]
OwnText = Annotated[str, Bound(min_length=1, max_length=TEXT_OF_PERSON_CHARACTERS_MAX, pattern=PRINTABLE)]
RequestId = Annotated[str, Bound(pattern=REQUEST_ID_PATTERN)]
Responder = Literal["retention", "scorer", "benefits"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SubjectRequest:
    """What a person asks for; `subject.requests`, whose key is the person. The id of the event is the request's.

    `dispute` names a record and a reason, and may add a text; `statement` names a record and has a text, which goes
    with the record from then on, and takes the place of an earlier one. `withdraw-consent` names the partner that the
    consent was given to, and its id (rules I9). `erase`, `re-evaluate` and `export` need nothing but the person. A text
    has at most 100 words, and no identifier in it. (checks.check_request)
    """

    request: Ask
    record_id: Id | None = None
    reason: Reason | None = None
    text: OwnText | None = None
    partner: Text | None = None
    consent_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SubjectAnswer:
    """The answer to a request; `subject.answers`, whose key is the person.

    `begun` says that the request was taken and that what comes of it is told later: of a dispute by a notice, of an
    erasure by a receipt. `code` says what was done or why it was refused. `en` and `zh` say the same to people. `day`
    is the day that they name, if they name one: the next publication, or the last day on which a provider may answer.
    `request` is absent where the request could not be read.
    """

    request_id: RequestId
    service: Responder
    status: Literal["done", "begun", "refused"]
    code: Code
    en: Sentence
    zh: Sentence
    request: Ask | None = None
    record_id: Id | None = None
    day: Day | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class SubjectNotice:
    """What a person is told without having asked; `subject.answers`, whose key is the person.

    Of one record: that it was reported, changed, disputed, answered, came back after it had been deleted, or lapsed;
    that it lapses soon, or that its provider must answer a dispute soon. `yearly-summary` says how many `records` are
    held. `version` is the record's, and in a summary the year. `partner` is the provider, whom to ask. `outcome` is how
    a dispute ended. `day` is the day that the sentences name. Of a record that is gone nothing is said but that.
    """

    notice: Literal[
        "record-reported",
        "record-changed",
        "record-disputed",
        "record-answered",
        "record-returned",
        "record-lapsed",
        "lapse-near",
        "answer-near",
        "yearly-summary",
    ]
    version: Annotated[int, Ge(1)]
    en: Sentence
    zh: Sentence
    record_id: Id | None = None
    kind: Text | None = None
    record_class: Literal["legal", "financial", "life"] | None = None
    partner: Text | None = None
    amount: Amount | None = None
    began_on: Day | None = None
    ended_on: Day | None = None
    lapses_at: Instant | None = None
    outcome: Literal["confirmed", "corrected", "deleted", "unverifiable"] | None = None
    day: Day | None = None
    records: Annotated[int, Ge(0)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ConsentNoted:
    """What was said of a consent of the person, for the ledger that the person reads (rules I10); `subject.answers`.

    A consent is one that was given to a `partner`. `purpose` and `given_at` are there when a figure cites it,
    `withdrawn_at` when the person has taken it back. Of several messages about one consent the earliest of either
    stands, in whichever order they come. `said_at` is when this was said.
    """

    partner: Text
    consent_id: Id
    said_at: Instant
    purpose: Text | None = None
    given_at: Instant | None = None
    withdrawn_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ErasureConfirmed:
    """That a person is erased; `subject.answers`. benefits says so when it has erased the person, behind retention and
    the scorer; then ingest, when it has taken the person's customer numbers out of the crosswalks; and last the portal,
    where there is one. retention makes the receipt of what is said last. The time of the event is that of the erasure
    by benefits, or by the portal."""

    request_id: RequestId
    service: Literal["retention", "scorer", "benefits", "ingest", "portal"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ErasureReceipt:
    """That a record, or everything about a person, is erased; `subject.answers`. It repeats nothing of what was held.

    `stores` names each place that holds nothing of it any more. `leaving` names those that had something of it and lose
    it by themselves: topics when their time is over; of a record the scorer and the portal when they read that the
    record is gone; of a person the portal's webhooks, when a subscriber has taken the word that the person is erased.
    `digest` is a hash under a key of the deployment, by which `goodstanding receipt verify` knows the receipt again.
    `request_id` and `requested_at` are those of the person's request; what lapsed was not asked for. `record_id` and
    `record_class` are there when a record was erased.
    """

    what: Literal["record", "person"]
    erased_at: Instant
    stores: Annotated[tuple[Text, ...], Len(1, 32)]
    digest: Annotated[str, Bound(pattern=r"^[0-9a-f]{32,64}$")]
    record_class: Literal["legal", "financial", "life"] | None = None
    request_id: RequestId | None = None
    requested_at: Instant | None = None
    record_id: Id | None = None
    leaving: Annotated[tuple[Text, ...], Len(1, 32)] | None = None
