"""`user-id`, `explain`, `records` and `benefits`: one person."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
import typer

from goodstanding import policies
from goodstanding.cli.frame import AsJson, answer_json, console, table
from goodstanding.errors import UserError
from goodstanding.person import standing
from goodstanding.person.score import explanation
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.stack import Stack
from services.benefits.core.describe import describe
from services.scorer.core.explain import Explanation
from shared.contracts import zones
from shared.contracts.kinds import KIND_OF

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
        before = on.replace(tzinfo=zones.zone(deployment.settings.zone)) + timedelta(days=1)
    found = asyncio.run(explanation(deployment, user, before))
    if as_json:
        answer_json({"user_id": user, **msgspec.to_builtins(found)})
    else:
        _show(found, user, zones.zone(deployment.settings.zone))


def records(who: Who, as_json: AsJson = False) -> None:
    """A person's negative records: since when, whether they are settled, and the day on which each lapses.

    Example: goodstanding records GS000000000195
    """
    deployment = Stack.default().deployment
    user, zone = user_id_of(_given(who), deployment.settings), zones.zone(deployment.settings.zone)
    found = asyncio.run(standing.records(deployment, user))
    if as_json:
        answer_json({"user_id": user, "records": msgspec.to_builtins(found)})
        return
    rows = [
        (
            KIND_OF[each["kind"]].title,
            each["status"],
            each["began_on"],
            each["ended_on"] or "goes on",
            each["lapses_at"].astimezone(zone).strftime("%Y-%m-%d %H:%M") if each["lapses_at"] else "not yet known",
            f"{each['partner']} {each['report_id']}",
        )
        for each in found
    ]
    if rows:
        console.print(table(["record", "status", "began", "ended", "lapses", "reported by"], rows))
    else:
        console.print("There is no negative record of this person.")


def benefits(who: Who, as_json: AsJson = False) -> None:
    """A person's tier, the benefits in force, and why others are not.

    Example: goodstanding benefits GS000000000195
    """
    deployment = Stack.default().deployment
    user = user_id_of(_given(who), deployment.settings)
    found = asyncio.run(standing.benefits(deployment, user))
    if found is None:
        raise UserError(
            "There is no score of this person, and so no tier.",
            "Scores are published on the 6th of a month, for everybody whose events have come by then.",
        )
    described = describe(
        found["score"], found["tier"], found["in_force"], found["restrictions"], policies.read_tier_table()
    )
    if as_json:
        answer_json({"user_id": user, **msgspec.to_builtins(found), "benefits": msgspec.to_builtins(described.lines)})
        return
    following = f"; {described.next_tier} begins at {described.next_from}" if described.next_tier else ""
    thin = " (thin: too short a history)" if found["thin"] else ""
    console.print(f"[bold]{described.tier or 'No tier'}[/] at a score of {found['score']}{thin}{following}.")
    if found["restrictions"]:
        console.print(f"Restricted: {', '.join(found['restrictions'])}.")
    lines = [(line.name, line.tier, line.from_score, line.status) for line in described.lines]
    console.print()
    console.print(table(["benefit", "tier", "from", "status"], lines, right=("from",)))


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
