"""A partner's events over HTTP: `POST /v1/events/{partner}`, and the verdict of one event."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from goodstanding.partner.verdicts import key_of
from goodstanding.portal import documents as told
from goodstanding.portal.events import judging
from goodstanding.portal.events.judging import Sent
from goodstanding.portal.keys import Key
from goodstanding.portal.web.answers import document_of
from goodstanding.portal.web.office import Office, body_of, office_of
from goodstanding.portal.web.problems import ProblemError
from services.ingest.core.normalize import Judged, Normalized, Refused
from shared.contracts.cloudevents import LIST_BYTES_MAX
from shared.contracts.fields import ID_CHARACTERS_MAX
from shared.contracts.texts import TextError, one_form
from shared.contracts.topics import raw_topic

_CARRIED = ("content-type", "traceparent")
"""The headers of a request that are the record's too, beside the attributes of a CloudEvent."""
_ATTRIBUTE = "ce-"
_KEY = "ce_partitionkey"
UNKNOWN = "This event was not sent here in the last 30 days, and no service has refused it."


async def send(request: Request) -> Response:
    """Append a message if ingest would take any event of it, and say what it says of each."""
    office = office_of(request)
    name = await _partner(office, request)
    partner = await office.events.judging.partner(name)
    if partner is None:
        raise ProblemError(404, "not-found", "There is no mapping of this partner.")
    sent = _sent(request, await body_of(request, LIST_BYTES_MAX))
    found = judging.verdicts(partner, sent, office.now())
    refused = [each for each in found if isinstance(each, Refused)]
    if refused and len(refused) == len(found):
        raise ProblemError.of(refused[0].fault)
    placed = await office.events.sending.append(name, sent, judging.partition(found))
    await office.events.verdicts.note(name, found, placed)
    position = told.Position(topic=raw_topic(name), partition=placed.partition, offset=placed.offset)
    body = told.EventsTaken(position=position, events=_each(found))
    return Response(msgspec.json.encode(body), 202, media_type="application/json")


async def verdict(request: Request) -> Response:
    office = office_of(request)
    name = await _partner(office, request)
    try:
        event_id = one_form(str(request.path_params["id"]), ID_CHARACTERS_MAX)
    except TextError:
        raise ProblemError(404, "not-found", UNKNOWN) from None
    found = await office.events.verdicts.of(name, event_id)
    if found is None:
        raise ProblemError(404, "not-found", UNKNOWN)
    body = told.EventVerdict(
        event_id=event_id,
        result=found.result,
        position=told.Position(topic=raw_topic(name), partition=found.partition, offset=found.offset),
        index=found.member,
        code=found.code,
        field=found.field,
        sentence=found.sentence,
    )
    return document_of(request, body, None)


async def _partner(office: Office, request: Request) -> str:
    """Whose events are asked about, if it is the caller's own. Raises ProblemError."""
    caller, name = await office.caller(request), str(request.path_params["partner"])
    if not isinstance(caller, Key) or caller.role != "partner" or caller.holder != name:
        raise ProblemError(403, "not-permitted", "Only the partner itself may do this, with its own key.")
    if "events" not in caller.scopes:
        raise ProblemError(403, "no-scope", "This key lacks the scope events.")
    return name


def _sent(request: Request, value: bytes) -> Sent:
    """The request as a record: an attribute of CloudEvents' binary mode has another name on Kafka, and its text is not
    encoded there."""
    headers: list[tuple[str, bytes | None]] = []
    for name, text in request.headers.items():
        if name.startswith(_ATTRIBUTE):
            headers.append((f"ce_{name.removeprefix(_ATTRIBUTE)}", unquote(text).encode()))
        elif name in _CARRIED:
            headers.append((name, text.encode()))
    key = next((content for name, content in headers if name == _KEY), None)
    return Sent(key if key is not None else key_of(value), value, tuple(headers))


def _each(found: Sequence[Judged]) -> tuple[told.EventTaken, ...]:
    return tuple(_taken(each) for each in found)


def _taken(each: Judged) -> told.EventTaken:
    match each:
        case Normalized():
            return told.EventTaken(event_id=each.event_id, result="accepted")
        case Refused():
            fault = each.fault
            return told.EventTaken(
                event_id=each.event_id,
                result="refused",
                code=str(fault.code),
                field=fault.field or None,
                sentence=fault.sentence,
            )
        case _:
            return told.EventTaken(event_id=None, result="skipped")
