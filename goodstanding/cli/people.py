"""`user-id` and `explain`: one person."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from goodstanding.cli.frame import AsJson, answer_json, console, table
from goodstanding.explaining import explanation
from goodstanding.identity import user_id_of
from goodstanding.stack import Stack
from services.scorer.core.explain import Explanation

Who = Annotated[str, typer.Argument(help="A user_id, or the identifier itself; - reads it from standard input.")]


def user_id(
    identifier: Annotated[str, typer.Argument(help="As the partners send it; - reads it from standard input.")],
    as_json: AsJson = False,
) -> None:
    """The pseudonym of an identifier, for who holds the deployment's key.

    Example: goodstanding user-id GS000000000195
    """
    found = user_id_of(_given(identifier), Stack.default().settings)
    if as_json:
        answer_json({"user_id": found})
    else:
        console.print(found, soft_wrap=True)


def explain(
    who: Who,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The score as it was on that day.")] = None,
    as_json: AsJson = False,
) -> None:
    """A person's score and why it is what it is: items that sum to it, key factors, the change since the last one.

    Example: goodstanding explain GS000000000195 --on 2005-10-06
    """
    deployment = Stack.default().deployment
    user = user_id_of(_given(who), deployment.settings)
    before = None
    if on is not None:
        before = on.replace(tzinfo=ZoneInfo(deployment.settings.zone)) + timedelta(days=1)
    found = asyncio.run(explanation(deployment, user, before))
    if as_json:
        answer_json({"user_id": user, **msgspec.to_builtins(found)})
    else:
        _show(found, user, ZoneInfo(deployment.settings.zone))


def _given(text: str) -> str:
    """An argument lies open in the list of processes and in the shell's history; standard input does not."""
    return sys.stdin.readline().strip() if text == "-" else text


def _show(found: Explanation, user: str, zone: ZoneInfo) -> None:
    day = found.as_of.astimezone(zone)
    console.print(
        f"Score [bold]{found.score}[/] of {day:%-d %B %Y}{' (thin: too short a history)' if found.thin else ''}, "
        f"version {found.version}, by {found.policy}\nuser_id {user}\n",
        soft_wrap=True,
    )
    is_first = found.version == 1
    rows: list[tuple[object, ...]] = [
        (line.code, line.points, line.best, "" if is_first else _signed(line.change), _rests_on(line.rests_on))
        for line in found.lines
    ]
    rows.append(("score", found.score, "", "" if is_first else _signed(found.change), ""))
    columns = ["item", "points", "at best", "change", "rests on"]
    console.print(table(columns, rows, right=("points", "at best", "change")))
    console.print(f"\nWhat would help most: {', '.join(found.key_factors) or 'nothing, all is at its best'}.")
    if found.restrictions:
        console.print(f"Restricted: {', '.join(found.restrictions)}.")


def _signed(points: int) -> str:
    return f"{points:+}" if points else "="


def _rests_on(figures: dict[str, int | str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
