"""`erasures` and `receipt`: what operators see of people who asked to be erased, and whether a receipt is true."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Annotated

import typer

from goodstanding.cli.frame import AsJson, answer_json, console, fail, local, table, tell
from goodstanding.cli.group import commands
from goodstanding.person import erasing
from goodstanding.person.receipts import receipt_in, verify
from goodstanding.platform.stack import Stack
from goodstanding.users_files import standard_input
from shared.contracts import zones

receipt_app = commands("Receipts of erasures.")


def erasures(
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Rewrite every table now; services wait for each meanwhile.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What is being erased, and how long it takes at most until no byte of it is left.

    Example: goodstanding erasures
    """
    deployment = Stack.default().deployment
    zone = zones.zone(deployment.settings.zone)
    if rewrite:
        asyncio.run(erasing.rewrite(deployment))
    under_way, bounds = asyncio.run(erasing.look(deployment))
    if as_json:
        answer_json(
            {
                "under_way": [
                    {"request_id": each.request_id, "asked_at": each.asked_at.isoformat(), "state": each.state}
                    for each in under_way
                ],
                "at_most": [
                    {"where": each.where, "hours": each.at_most / timedelta(hours=1), "because": each.because}
                    for each in bounds
                ],
            }
        )
        return
    if not under_way:
        tell("Nobody's erasure is under way.")
    for each in under_way:
        tell(f"{each.request_id}  asked for {local(each.asked_at, zone)}, {each.state}")
    console.print()
    rows = [(each.where, _days(each.at_most), each.because) for each in bounds]
    console.print(table(["where", "gone after at most", "because of"], rows))


def _days(span: timedelta) -> str:
    hours = round(span / timedelta(hours=1))
    if hours < 72:
        return f"{hours} hour{'' if hours == 1 else 's'}"
    return f"{hours / 24:.0f} days"


@receipt_app.command("verify")
def verify_receipt(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What a command answered with --json; - is standard input.")
    ] = "-",
    as_json: AsJson = False,
) -> None:
    """Check a receipt of an erasure: is it ours, and do the stores hold nothing?

    Example: goodstanding receipt verify receipt.json
    """
    text = standard_input().decode(errors="replace") if file == "-" else _read(file)
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        fail("That is not JSON.", "Give what subject erase --json has answered.")
    user_id, said = receipt_in(told if isinstance(told, dict) else {})
    found = asyncio.run(verify(Stack.default().deployment, user_id, said))
    if as_json:
        answer_json({"is_ours": found.is_ours, "left": list(found.left), "untold": found.untold})
    elif not found.is_ours:
        tell("The receipt is not one of this deployment, or something in it was changed.")
    elif found.left:
        came_later = " That may have come after the erasure." if said.what == "person" else ""
        tell(f"The receipt is ours. Something of the {said.what} is held: {', '.join(found.left)}.{came_later}")
    else:
        tell(f"The receipt is ours, and nothing of the {said.what} is held.")
        if found.untold:
            tell(f"Webhooks that still wait to say that the person is erased, for three days at most: {found.untold}.")
    if not found.is_ours or found.left:
        raise typer.Exit(1)


_CHARACTERS_MAX = 1024 * 1024
"""What is longer is no receipt, and may have no end."""


def _read(file: str) -> str:
    try:
        with open(file, encoding="utf-8") as opened:
            return opened.read(_CHARACTERS_MAX)
    except (OSError, ValueError):  # a name that no file can have, or bytes that are no text
        fail("There is no such file that can be read.")
