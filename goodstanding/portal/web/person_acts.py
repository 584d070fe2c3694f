"""What each form of the person's page does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from goodstanding.portal import ledger
from goodstanding.portal.keys import HOLDER
from goodstanding.portal.web.office import Office
from goodstanding.portal.web.problems import ProblemError
from shared.contracts.checks import request_of

Act: TypeAlias = Callable[[Office, str, dict[str, str]], Awaitable[str]]
"""Does what a form asks for a person; returns the id of the request, if one was written."""


async def _dispute(office: Office, user_id: str, fields: dict[str, str]) -> str:
    text = " ".join(fields.get("text", "").split()) or None
    record_id, reason = fields.get("record_id", ""), fields.get("reason", "")
    return await office.ask(
        user_id,
        request_of(request="dispute", record_id=record_id, reason=reason, text=text),
    )


async def _statement(office: Office, user_id: str, fields: dict[str, str]) -> str:
    text = " ".join(fields.get("text", "").split())
    request = request_of(request="statement", record_id=fields.get("record_id", ""), text=text)
    return await office.ask(user_id, request)


async def _withdrawal(office: Office, user_id: str, fields: dict[str, str]) -> str:
    partner, consent_id = fields.get("partner", "").strip(), fields.get("consent_id", "").strip()
    return await office.ask(user_id, request_of(request="withdraw-consent", partner=partner, consent_id=consent_id))


async def _export(office: Office, user_id: str, _: dict[str, str]) -> str:
    return await office.ask(user_id, request_of(request="export"))


async def _erasure(office: Office, user_id: str, fields: dict[str, str]) -> str:
    if fields.get("sure") != "yes":
        raise ProblemError(422, "not-sure", "Say that you are sure.")
    return await office.ask(user_id, request_of(request="erase"))


async def _permit(office: Office, user_id: str, fields: dict[str, str]) -> str:
    subscriber = fields.get("subscriber", "")
    if subscriber not in await ledger.subscribers(office.db):
        raise ProblemError(422, "unknown-value", "No subscriber of that name has a key here.")
    await ledger.permit(office.db, user_id, subscriber, office.now())
    return ""


async def _withdraw(office: Office, user_id: str, fields: dict[str, str]) -> str:
    subscriber = fields.get("subscriber", "")
    if not HOLDER.fullmatch(subscriber) or not await ledger.withdraw(office.db, user_id, subscriber, office.now()):
        raise ProblemError(404, "not-found", "That subscriber has no permission of yours.")
    return ""


FORMS: dict[str, Act] = {
    "/me/disputes": _dispute,
    "/me/statements": _statement,
    "/me/withdrawals": _withdrawal,
    "/me/exports": _export,
    "/me/erasures": _erasure,
    "/me/permissions": _permit,
    "/me/permissions/withdraw": _withdraw,
}
