"""`subject`: what a person asks of the platform. Each command writes one request, and waits for the answer."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer

from goodstanding.cli.arguments import Who, one_of
from goodstanding.cli.frame import AsJson, answer_json, fail, say, tell
from goodstanding.cli.group import commands
from goodstanding.cli.people import asked as asked_about
from goodstanding.errors import UserError
from goodstanding.person import current
from goodstanding.person.asking import Asked, Told, as_json_of, asking_for, request_of
from goodstanding.person.export import export as exported
from goodstanding.person.export import is_granted
from goodstanding.person.held import Export
from goodstanding.platform.deployment import Deployment
from shared.contracts.subject import REASONS, Ask, ErasureReceipt, Reason, SubjectAnswer, SubjectRequest

app = commands("What a person asks: dispute a record, withdraw a consent, be erased, see what is held.")

Record = Annotated[
    str,
    typer.Argument(metavar="RECORD", help="The record's id or its beginning, or the number that its provider gave it."),
]
Text = Annotated[
    str, typer.Option("--text", metavar="TEXT", help="The person's own words, at most 100; no identifier.")
]
Wait = Annotated[
    float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long to wait for the answer; 0 does not wait.")
]


@app.command()
def dispute(
    who: Who,
    record: Record,
    reason: Annotated[str, typer.Option("--reason", metavar="REASON", help=one_of(REASONS))],
    text: Text = "",
    timeout: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """Say that a record is wrong. It does not count from then on, until its provider has answered.

    Example: goodstanding subject dispute GS000000000195 7d1e0c54 --reason paid
    """
    chosen = next((each for each in REASONS if each == reason), None)
    if chosen is None:
        raise UserError(f"There is no reason {reason}.", f"Say one of: {', '.join(REASONS)}.")
    _ask("dispute", who, timeout, as_json, record=record, reason=chosen, text=text)


@app.command()
def statement(
    who: Who,
    record: Record,
    text: Text,
    timeout: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """Add the person's own words to a record, in place of earlier ones.

    Example: goodstanding subject statement GS000000000195 7d1e0c54 --text "I was in hospital, and paid afterwards."
    """
    _ask("statement", who, timeout, as_json, record=record, text=text)


@app.command("withdraw-consent")
def withdraw_consent(
    who: Who,
    partner: Annotated[str, typer.Argument(metavar="PARTNER", help="The partner to whom the consent was given.")],
    consent: Annotated[str, typer.Argument(metavar="CONSENT", help="The id of the consent.")],
    timeout: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """Take a consent back. Every figure that rested on it goes, and none is taken under it any more.

    Example: goodstanding subject withdraw-consent GS000000000195 bank consent-2025-0001
    """
    _ask("withdraw-consent", who, timeout, as_json, partner=partner, consent=consent)


@app.command()
def erase(
    who: Who,
    timeout: Wait = 60,
    as_json: AsJson = False,
) -> None:
    """Erase everything that is held about a person, everywhere. The receipt says what holds nothing any more.

    The crosswalks forget the person's customer numbers, whose events are then refused.

    Example: goodstanding subject erase GS000000000195
    """
    _ask("erase", who, timeout, as_json)


@app.command("re-evaluate")
def re_evaluate(
    who: Who,
    timeout: Wait = 30,
    as_json: AsJson = False,
) -> None:
    """Ask for a new score. Where scores are published monthly it is refused, with the day of the next one.

    Example: goodstanding subject re-evaluate GS000000000195
    """
    _ask("re-evaluate", who, timeout, as_json)


@app.command()
def export(
    who: Who,
    request: Annotated[
        str,
        typer.Option(metavar="ID", help="The number of a request that was granted: none is made anew."),
    ] = "",
    timeout: Wait = 60,
    as_json: AsJson = False,
) -> None:
    """All that is held about a person, as one JSON document (docs/schemas/export.json).

    As many of them a year are free as the retention profile says. One that was granted on the person's page is handed
    over for the number of that request (--request), and counts once.

    Example: goodstanding subject export GS000000000195
    """
    deployment, user_id, _ = asked_about(who)
    if not request:
        _grant(deployment, user_id, timeout)
    elif not asyncio.run(is_granted(deployment, user_id, request)):
        fail(f"No request {request} for all that is held was granted to this person.", _ON_THE_PAGE)
    document = asyncio.run(_export(deployment, user_id))
    if as_json:
        answer_json(msgspec.to_builtins(document))
    else:
        typer.echo(msgspec.json.format(msgspec.json.encode(document)).decode())


def _grant(deployment: Deployment, user_id: str, timeout: float) -> None:
    """Ask for the document; ends the command if it is not granted."""
    _, told = asyncio.run(_answered(deployment, user_id, request_of(request="export"), timeout))
    answer = next((each for each in told if isinstance(each, SubjectAnswer) and each.status != "begun"), None)
    if answer is None:
        fail(f"No answer has come within {timeout:.0f} s.", _LATER)
    if answer.status == "refused":
        fail(answer.en)
    if answer.day is not None:
        say(answer.en)


async def _export(deployment: Deployment, user_id: str) -> Export:
    return await exported(deployment, user_id, await deployment.now())


def _ask(
    request: Ask,
    who: str,
    timeout_s: float,
    as_json: bool,
    *,
    record: str = "",
    reason: Reason | None = None,
    text: str = "",
    partner: str | None = None,
    consent: str | None = None,
) -> None:
    deployment, user_id, _ = asked_about(who)
    if request == "withdraw-consent" and not asyncio.run(_is_known(deployment, user_id, partner, consent)):
        # A withdrawal may come before what is given under the consent; a slip in the id must not look like one.
        say(
            f"Nothing is known of a consent {consent} to {partner} so far. "
            "`goodstanding consents` lists the consents that are known."
        )
    body = request_of(
        request=request,
        record_id=asyncio.run(_record_id(deployment, user_id, record)) if record else None,
        reason=reason,
        text=text or None,
        partner=partner,
        consent_id=consent,
    )
    asked, told = asyncio.run(_answered(deployment, user_id, body, timeout_s))
    if as_json:
        answer_json(
            {"user_id": user_id, "request_id": asked.request_id, "answers": [as_json_of(each) for each in told]}
        )
    else:
        for each in told:
            tell(in_words(each))
    if not told and timeout_s:
        fail(f"No answer has come within {timeout_s:.0f} s.", _LATER)
    if refused := {each.code for each in told if isinstance(each, SubjectAnswer) and each.status == "refused"}:
        if "no-such-record" in refused:
            say("`goodstanding records` lists the records that are held.")
        raise typer.Exit(1)
    if request == "erase" and timeout_s and not any(isinstance(each, ErasureReceipt) for each in told):
        fail(f"The receipt has not come within {timeout_s:.0f} s.", _LATER)
    if not told and not as_json:
        say(f"The request is written, as {asked.request_id}. {_LATER}")


async def _is_known(deployment: Deployment, user_id: str, partner: str | None, consent: str | None) -> bool:
    known = await current.consents(deployment, user_id)
    return any((each["partner"], each["consent_id"]) == (partner, consent) for each in known)


_ON_THE_PAGE = "The person's page says the number with the answer, and so does: goodstanding tail answers --json"
_LATER = "It is answered as soon as the services come to it: goodstanding tail answers"


async def _answered(
    deployment: Deployment, user_id: str, body: SubjectRequest, timeout_s: float
) -> tuple[Asked, list[Told]]:
    told: list[Told] = []
    async with asking_for(deployment.kafka, user_id) as asking:
        asked = await asking.ask(body, await deployment.now())
        async for each in asking.answers(asked, timeout_s):
            told.append(each)
            if _ends(each, body.request):
                break
    return asked, told


def _ends(told: Told, request: Ask) -> bool:
    """Whether nothing more is said of the request soon; only an erasure is followed to its receipt."""
    if isinstance(told, SubjectAnswer):
        return told.status != "begun" or request != "erase"
    return True


async def _record_id(deployment: Deployment, user_id: str, begun: str) -> str:
    """The id of the person's one record that begins so, or that its provider calls so."""
    records = await current.records(deployment, user_id)
    named = [each["record_id"] for each in records if each["report_id"] == begun]
    match named or [each["record_id"] for each in records if each["record_id"].startswith(begun.lower())]:
        case [one]:
            return str(one)
        case []:
            return begun  # one that is gone, of which the platform says so itself
        case _:
            raise UserError(f"Several records are called {begun} or begin so.", "Write more of the record's id.")


def in_words(told: Told) -> str:
    """What was told, for a person who reads it."""
    match told:
        case ErasureReceipt():
            asked = f", as asked for on {told.requested_at:%Y-%m-%d %H:%M} UTC" if told.requested_at else ""
            what = "Everything about the person" if told.what == "person" else "The record"
            where = ", ".join(told.stores)
            return f"{what} was erased at {told.erased_at:%Y-%m-%d %H:%M:%S} UTC{asked}, from {where}. {told.digest}"
        case _:
            return told.en
