"""`portal` and `person`: keys for programs, and links for people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import asyncpg
import msgspec
import typer

from goodstanding.cli.arguments import Who, one_of
from goodstanding.cli.frame import AsJson, answer_json, console, table, tell
from goodstanding.cli.group import commands
from goodstanding.cli.people import asked
from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.stack import Stack
from goodstanding.portal import keys, tokens
from goodstanding.portal.hooks import sending
from goodstanding.portal.tokens import Role
from shared.contracts.times import TimeError, instant
from shared.contracts.topics import PORTAL

app = commands("The portal: keys for subscribers and partners, links for those at a desk.")
person_app = commands("A person's own page in the portal.")
T = TypeVar("T")

Hours = Annotated[float, typer.Option("--hours", metavar="HOURS", min=0.01, max=720, help="How long the link opens.")]
_DESKS: tuple[Role, ...] = ("support", "risk", "operator")


def portal_of(deployment: Deployment) -> Deployment:
    """Raises UserError for a deployment without a portal."""
    if not deployment.settings.portal_key:
        raise UserError("This platform has no portal.", "Start it with one: goodstanding local up --portal")
    return deployment


def link_for(deployment: Deployment, role: Role, who: str, hours: float) -> str:
    """The address that opens the pages of somebody, until it expires."""
    key = portal_of(deployment).settings.portal_key
    assert key is not None, "there is a portal"
    until = datetime.now(UTC) + timedelta(hours=hours)
    token = tokens.signed(tokens.made("link", role, who, until), bytes.fromhex(key))
    return f"{deployment.portal_url}/enter/{token}"


@person_app.command()
def link(who: Who, hours: Hours = 1, as_json: AsJson = False) -> None:
    """A link that opens the person's own page, until it expires. Whoever has it sees what the person sees.

    Example: goodstanding person link GS000000000195
    """
    deployment, user_id, _ = asked(who)
    _tell_link(link_for(deployment, "person", user_id, hours), as_json)


@app.command()
def desk(
    role: Annotated[str, typer.Argument(metavar="ROLE", help=one_of(_DESKS))],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is for, as people read it in their ledgers.")],
    hours: Hours = 8,
    as_json: AsJson = False,
) -> None:
    """A link that opens the pages of somebody at a desk, until it expires.

    Example: goodstanding portal desk support anna --hours 8
    """
    if role not in _DESKS:
        raise UserError(f"There is no role {role}.", f"Say one of: {', '.join(_DESKS)}.")
    if not keys.HOLDER.fullmatch(name):
        raise UserError(f"{name} is no name.", keys.NAME_FORM)
    _tell_link(link_for(Stack.default().deployment, role, name, hours), as_json)


def _tell_link(address: str, as_json: bool) -> None:
    if as_json:
        answer_json({"link": address})
    else:
        tell(address)


@app.command()
def key(
    role: Annotated[str, typer.Argument(metavar="ROLE", help=one_of(list(keys.OF_ROLE)))],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    scopes: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="What it may do; all of the role if left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key for a subscriber or a partner. It is shown this once, and only its hash is kept.

    Example: goodstanding portal key subscriber rental-firm --scope standing
    """
    holds = next((each for each in keys.OF_ROLE if each == role), None)
    if holds is None:
        raise UserError(f"There is no role {role}.", f"Say one of: {', '.join(keys.OF_ROLE)}.")
    wanted = scopes or list(keys.OF_ROLE[holds])
    made = _in_database(lambda db: keys.make(db, holds, name, wanted, datetime.now(UTC)))
    if as_json:
        answer_json({"key": made, "role": role, "name": name, "scopes": sorted(wanted)})
    else:
        tell(made)


@app.command("keys")
def keys_(as_json: AsJson = False) -> None:
    """The keys that were made, without their secrets.

    Example: goodstanding portal keys
    """
    found = _in_database(keys.known)
    if as_json:
        for each in found:
            answer_json(msgspec.to_builtins(each))
        return
    rows = [
        (each["id"], each["role"], each["holder"], " ".join(each["scopes"]), "revoked" if each["revoked_at"] else "")
        for each in found
    ]
    console.print(table(["id", "role", "name", "scopes", ""], rows))


@app.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id: its part before the secret.")],
    as_json: AsJson = False,
) -> None:
    """Revoke a key, at once and for good.

    Example: goodstanding portal revoke 0f3a9c21b7de
    """
    _in_database(lambda db: keys.revoke(db, id, datetime.now(UTC)))
    if as_json:
        answer_json({"id": id, "revoked": True})
    else:
        tell(f"The key {id} is revoked.")


@app.command()
def webhook(
    subscriber: Annotated[str, typer.Argument(metavar="SUBSCRIBER", help="Who is told.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where: https://...")],
    as_json: AsJson = False,
) -> None:
    """Tell a subscriber of scores, tiers and restrictions of those who permit it. The secret is shown this once.

    Example: goodstanding portal webhook rental-firm https://firm.example/hooks
    """
    id, secret = _in_database(lambda db: sending.add(db, subscriber, url, datetime.now(UTC)))
    _tell_secret(id, secret, as_json)


@app.command()
def webhooks(
    dead: Annotated[bool, typer.Option("--dead", help="What was given up, instead.")] = False, as_json: AsJson = False
) -> None:
    """The webhooks, how many deliveries wait and were given up, and why.

    Example: goodstanding portal webhooks --dead
    """
    found = _in_database(sending.dead if dead else sending.known)
    if as_json:
        for each in found:
            answer_json(msgspec.to_builtins(each))
        return
    of_dead, of_all = "webhook at attempts failed", "id subscriber url waiting dead failed"
    columns = (of_dead if dead else of_all).split()
    console.print(table(columns, [[each[name] for name in columns] for each in found], right=("waiting", "dead")))


@app.command()
def rotate(id: Annotated[str, typer.Argument(metavar="ID", help="The webhook.")], as_json: AsJson = False) -> None:
    """Another secret for a webhook. The one before is valid for a day more, so both sign until then.

    Example: goodstanding portal rotate 0f3a9c21b7de
    """
    _tell_secret(id, _in_database(lambda db: sending.rotate(db, id, datetime.now(UTC))), as_json)


@app.command()
def replay(
    id: Annotated[str, typer.Argument(metavar="ID", help="The webhook.")],
    since: Annotated[str, typer.Option("--since", metavar="INSTANT", help="From when on, as 2026-03-01T00:00:00Z.")],
    as_json: AsJson = False,
) -> None:
    """Send once more what was said since an instant, a week back at most, in the same order and under the same ids.

    Example: goodstanding portal replay 0f3a9c21b7de --since 2026-03-01T00:00:00Z
    """
    try:
        start = instant(since)
    except TimeError as error:
        raise UserError(error.sentence) from None
    count = _in_database(lambda db: sending.replay(db, id, start, datetime.now(UTC)))
    if as_json:
        answer_json({"webhook": id, "replayed": count})
    else:
        tell(f"{count:,} are sent again.")


@app.command("end-webhook")
def end_webhook(id: Annotated[str, typer.Argument(metavar="ID", help="The webhook.")], as_json: AsJson = False) -> None:
    """Tell nothing more at a webhook's address.

    Example: goodstanding portal end-webhook 0f3a9c21b7de
    """
    _in_database(lambda db: sending.end(db, id, datetime.now(UTC)))
    if as_json:
        answer_json({"webhook": id, "ended": True})
    else:
        tell(f"The webhook {id} is ended.")


def _tell_secret(id: str, secret: str, as_json: bool) -> None:
    if as_json:
        answer_json({"webhook": id, "secret": secret})
    else:
        tell(f"{id}\n{secret}")


def _in_database(work: Callable[[Any], Awaitable[T]]) -> T:
    deployment = portal_of(Stack.default().deployment)

    async def working() -> T:
        db = await asyncpg.connect(deployment.dsn(PORTAL))
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(working())
