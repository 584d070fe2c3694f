"""The interface for programs, below /v1: each operation as a value, from which routes and documentation are made."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from goodstanding.person.explained import Explained
from goodstanding.portal import documents as told
from goodstanding.portal import ledger, person_documents
from goodstanding.portal.keys import HOLDER, Key, Scope
from goodstanding.portal.people import Known
from goodstanding.portal.tokens import Token
from goodstanding.portal.web import events
from goodstanding.portal.web.answers import document_of
from goodstanding.portal.web.office import Caller, Office, body_of, language_asked, office_of
from goodstanding.portal.web.problems import ProblemError
from services.scorer.core.reasons.figures import Language
from shared.contracts.checks import request_of
from shared.contracts.faults import Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.subject import SubjectRequest

_USER_ID = re.compile(USER_ID_PATTERN)
_NO_SCORE = "There is no published score of this person yet."
_NOTHING = "Nothing is held of this person."


Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the interface. `scope` is what a key needs; without one, only the person may."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    id: str
    summary: str
    answers: type[Any]
    handle: Handler
    scope: Scope | None = None
    takes: type[Any] | None = None
    takes_message: bool = False
    """A partner's own format is sent, which its mapping describes and nothing else does."""
    status: int = 200
    has_language: bool = False
    not_found: str = "Nothing is held of this person, or not that"


_PERSON = "/v1/people/{user_id}"


def _part(scope: Scope, summary: str, answers: type[Any], read: Callable[[Known], Any]) -> Operation:
    """Shows one part of what is known of a person, to those who may see it."""

    async def handle(request: Request) -> Response:
        _, known = await _known(request, scope)
        if (document := read(known)) is None:
            raise ProblemError(404, "no-score", _NO_SCORE)
        return document_of(request, document, None)

    return Operation("GET", f"{_PERSON}/{scope}", f"get-{scope}", summary, answers, handle, scope=scope)


def _explained(
    scope: Scope, summary: str, answers: type[Any], read: Callable[[Known, Explained, Language], Any]
) -> Operation:
    """The same of a part that explains the score, in the language of whoever asks."""

    async def handle(request: Request) -> Response:
        office, language = office_of(request), language_asked(request)
        now, known = await _known(request, scope)
        if (found := office.people.explained(known, now, language)) is None:
            raise ProblemError(404, "no-score", _NO_SCORE)
        return document_of(request, read(known, found, language), language)

    address, id = f"{_PERSON}/{scope}", f"get-{scope}"
    return Operation("GET", address, id, summary, answers, handle, scope=scope, has_language=True)


async def _known(request: Request, scope: Scope) -> tuple[datetime, Known]:
    """What is known now of the person in the address. Raises ProblemError."""
    office = office_of(request)
    caller = await office.caller(request)
    user_id = await allowed(office, caller, request, scope)
    now = office.now()
    known = await office.people.known(user_id, now)
    if known is not None and isinstance(caller, Key):
        known = person_documents.for_others(known)
    if known is None:
        raise ProblemError(404, "not-found", _NOTHING)
    return now, known


async def _own(request: Request) -> str:
    """The person, who alone may ask this. Raises ProblemError."""
    office = office_of(request)
    return await allowed(office, await office.caller(request), request, None)


async def allowed(office: Office, caller: Caller, request: Request, scope: Scope | None) -> str:
    """Whom the request is about, if the caller may ask it of that person; a look is in the ledger then. Raises
    ProblemError."""
    user_id = str(request.path_params["user_id"])
    if not _USER_ID.fullmatch(user_id):
        raise ProblemError(404, "not-found", "The address names no user_id: 64 hexadecimal characters.")
    match caller:
        case Token(role="person"):
            if caller.who != user_id:
                raise ProblemError(403, "not-permitted", "This link is another person's.")
        case Key(role="subscriber") if scope is not None:
            if scope not in caller.scopes:
                raise ProblemError(403, "no-scope", f"This key lacks the scope {scope}.")
            # Whether somebody is known at all is nobody's business without a permission.
            if not await ledger.looked(office.db, user_id, caller.holder, scope, office.now()):
                raise ProblemError(403, "no-permission", "The person has not permitted this subscriber to look.")
        case _:
            raise ProblemError(403, "not-permitted", "Only the person may ask this.")
    return user_id


# -- what a person asks ------------------------------------------------------------------------------------------------


def _asking(
    takes: type[Any] | None, asked: Callable[[Any], SubjectRequest | Fault]
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        office = office_of(request)
        user_id = await _own(request)
        given = await _taken(request, takes) if takes else None
        request_id = await office.ask(user_id, asked(given))
        return Response(msgspec.json.encode(told.Taken(request_id)), 202, media_type="application/json")

    return handle


async def _taken(request: Request, model: type[Any]) -> Any:
    """The body as the operation takes it. Raises ProblemError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "unsupported-media-type", "Send JSON: `Content-Type: application/json`.")
    try:
        return msgspec.json.decode(await body_of(request), type=model)
    except msgspec.ValidationError as error:
        raise ProblemError.of_form(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ProblemError(400, "json-syntax", "The body is not JSON.") from None


async def _access(request: Request) -> Response:
    office = office_of(request)
    user_id = await _own(request)
    permissions, looks = await ledger.permissions(office.db, user_id), await ledger.looks(office.db, user_id)
    document = told.Access(
        user_id=user_id,
        permissions=tuple(msgspec.convert(each, told.Permission, from_attributes=True) for each in permissions),
        looks=tuple(msgspec.convert(each, told.Look, from_attributes=True) for each in looks),
    )
    return document_of(request, document, None)


async def _permit(request: Request) -> Response:
    office = office_of(request)
    user_id = await _own(request)
    given: told.Permit = await _taken(request, told.Permit)
    if given.subscriber not in await ledger.subscribers(office.db):
        raise ProblemError(422, "unknown-value", "No subscriber of that name has a key here.", field="subscriber")
    await ledger.permit(office.db, user_id, given.subscriber, office.now())
    return Response(None, 204)


async def _withdraw(request: Request) -> Response:
    office = office_of(request)
    user_id = await _own(request)
    subscriber = request.path_params["subscriber"]
    if not HOLDER.fullmatch(subscriber) or not await ledger.withdraw(office.db, user_id, subscriber, office.now()):
        raise ProblemError(404, "not-found", "That subscriber has no permission of this person.")
    return Response(None, 204)


async def _consents(request: Request) -> Response:
    office = office_of(request)
    user_id = await _own(request)
    found = await ledger.consents(office.db, user_id)
    consents = tuple(msgspec.convert(each, told.Consent, from_attributes=True) for each in found)
    return document_of(request, told.Consents(user_id=user_id, consents=consents), None)


async def _answers(request: Request) -> Response:
    office = office_of(request)
    user_id = await _own(request)
    rows = await ledger.told(office.db, user_id)
    answers = tuple(told.Answer(at=at, said=msgspec.json.decode(body)) for at, body in rows)
    return document_of(request, told.Answers(user_id=user_id, answers=answers), None)


_ask: Sequence[tuple[str, str, type[Any] | None, Callable[[Any], SubjectRequest | Fault]]] = (
    (
        "disputes",
        "Say that a record is wrong",
        told.Dispute,
        lambda of: request_of(request="dispute", record_id=of.record_id, reason=of.reason, text=of.text),
    ),
    (
        "statements",
        "Add the person's own words to a record",
        told.Statement,
        lambda of: request_of(request="statement", record_id=of.record_id, text=of.text),
    ),
    (
        "withdrawals",
        "Take a consent back",
        told.Withdrawal,
        lambda of: request_of(request="withdraw-consent", partner=of.partner, consent_id=of.consent_id),
    ),
    ("exports", "Ask for all that is held", None, lambda _: request_of(request="export")),
    ("erasures", "Ask to be erased", None, lambda _: request_of(request="erase")),
)

OPERATIONS: tuple[Operation, ...] = (
    _part("standing", "Tier, benefits and restrictions", told.Standing, person_documents.standing),
    _part("score", "The score that was published last", told.Score, person_documents.scored),
    _explained("reasons", "Why it is what it is, in sums that add up", told.Reasons, person_documents.reasons),
    _explained("hints", "What would raise it, and the way to the next tier", told.Hints, person_documents.hints),
    _part("records", "The negative records that are held", told.Records, person_documents.records),
    _explained(
        "history",
        "Each publication, and what moved the score",
        told.History,
        lambda known, found, _: person_documents.history(known, found),
    ),
    *(
        Operation(
            "POST",
            f"{_PERSON}/{name}",
            f"ask-{name}",
            summary,
            told.Taken,
            _asking(takes, made),
            takes=takes,
            status=202,
        )
        for name, summary, takes, made in _ask
    ),
    Operation("GET", f"{_PERSON}/access", "get-access", "Who may look, and who has looked", told.Access, _access),
    Operation(
        "POST",
        f"{_PERSON}/permissions",
        "permit",
        "Permit a subscriber to look",
        type(None),
        _permit,
        takes=told.Permit,
        status=204,
    ),
    Operation(
        "DELETE",
        f"{_PERSON}/permissions/{{subscriber}}",
        "withdraw-permission",
        "Take the permission back",
        type(None),
        _withdraw,
        status=204,
    ),
    Operation(
        "GET", f"{_PERSON}/answers", "get-answers", "What the person was answered and told", told.Answers, _answers
    ),
    Operation(
        "GET", f"{_PERSON}/consents", "get-consents", "To whom the person gave which consent", told.Consents, _consents
    ),
    Operation(
        "POST",
        "/v1/events/{partner}",
        "send-events",
        "Send a message in the partner's own format",
        told.EventsTaken,
        events.send,
        scope="events",
        takes_message=True,
        status=202,
        not_found="There is no mapping of this partner",
    ),
    Operation(
        "GET",
        "/v1/events/{partner}/{id}",
        "get-event",
        "What has become of an event",
        told.EventVerdict,
        events.verdict,
        scope="events",
        not_found=events.UNKNOWN,
    ),
)


def routes() -> list[Route]:
    # A partner's id of an event may have a slash in it.
    return [Route(each.path.replace("{id}", "{id:path}"), each.handle, methods=[each.method]) for each in OPERATIONS]
