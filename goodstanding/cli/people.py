"""`user-id`, `explain`, `records` and `benefits`: one person."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any

import msgspec
import typer

from goodstanding import policies
from goodstanding.cli.figures import money, rests_on, signed
from goodstanding.cli.frame import AsJson, answer_json, console, fail, local, table, tell
from goodstanding.cli.words import Who, day
from goodstanding.errors import UserError
from goodstanding.person import current
from goodstanding.person.benefits import describe
from goodstanding.person.score import explanation
from goodstanding.person.user_id import known_user_id, user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack
from services.scorer.core.explain import Explanation
from shared.contracts import zones
from shared.contracts.kinds import KIND_OF


def user_id(
    identifier: Annotated[
        str,
        typer.Argument(metavar="IDENTIFIER", help="As partners send it; - reads some from standard input, one a line."),
    ],
    as_json: AsJson = False,
) -> None:
    """The pseudonym of an identifier, for whoever holds the deployment's key. Ends with 1 when an identifier is not
    valid.

    Example: goodstanding user-id GS000000000195
    """
    settings = Stack.default().settings
    wrong = False
    for number, line in enumerate(_lines(identifier), 1):
        try:
            found = user_id_of(line, settings)
        except UserError as error:
            if identifier != "-":
                raise
            wrong = True
            # The identifier itself is not repeated: what is printed may be kept.
            if as_json:
                answer_json({"line": number, "user_id": None, "error": error.sentence})
            else:
                tell(f"line {number}: {error}")
            continue
        if as_json:
            answer_json({"user_id": found} if identifier != "-" else {"line": number, "user_id": found})
        else:
            console.print(found, soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


def explain(
    who: Who,
    on: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DAY", help="The score as it was then, such as 2026-01-31."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A person's score and why it is what it is: items that sum to it, key factors, the change since the last one.

    Example: goodstanding explain GS000000000195 --on 2005-10-06
    """
    deployment, user, zone = _person(who)
    before = None
    if on is not None:
        before = datetime.combine(on + timedelta(days=1), time(), zone)
    found = asyncio.run(explanation(deployment, user, before, _when_scores_come(deployment)))
    if as_json:
        answer_json({"user_id": user, **msgspec.to_builtins(found), "publication_month": found.publication})
    else:
        _show(found, user, deployment.settings)


def records(who: Who, as_json: AsJson = False) -> None:
    """A person's negative records: since when, whether they are settled, and the day on which each lapses.

    Example: goodstanding records GS000000000195
    """
    deployment, user, zone = _person(who)
    found = asyncio.run(current.records(deployment, user))
    for record in found:
        if as_json:
            answer_json({"user_id": user, **msgspec.to_builtins(record)})
        else:
            for line in _record(record, deployment.settings.currency, zone):
                tell(line)
    if not found and not as_json:
        tell("There is no negative record of this person.")


def _when_scores_come(deployment: Deployment) -> str:
    if deployment.settings.clock == "stepped":
        return "The clock of this platform stands still, since it is a demo's: no new score is published."
    return policies.when_scores_come()


def benefits(who: Who, as_json: AsJson = False) -> None:
    """A person's tier, the benefits in force, and why others are not.

    Example: goodstanding benefits GS000000000195
    """
    deployment, user, _ = _person(who)
    found = asyncio.run(current.benefits(deployment, user))
    if found is None:
        fail("There is no score of this person, and so no tier.", _when_scores_come(deployment))
    described = describe(found["score"], found["tier"], found["in_force"], found["restrictions"], policies.tier_table())
    if as_json:
        answer_json({"user_id": user, **msgspec.to_builtins(found), "benefits": msgspec.to_builtins(described.lines)})
        return
    following = f"; {described.next_tier} begins at {described.next_from}" if described.next_tier else ""
    thin = " (thin: too short a history)" if found["thin"] else ""
    tell(f"{described.tier or 'No tier'} at a score of {found['score']}{thin}{following}.")
    if found["restrictions"]:
        tell(f"Restricted: {', '.join(found['restrictions'])}.")
    lines = [(line.name, line.tier, line.from_score, line.status) for line in described.lines]
    console.print()
    console.print(table(["benefit", "tier", "from", "status"], lines, right=("from",)))


def _person(who: str) -> tuple[Deployment, str, tzinfo]:
    deployment = Stack.default().deployment
    [text] = [*_lines(who)][:1] or [""]
    user = asyncio.run(known_user_id(text, deployment))
    return deployment, user, zones.zone(deployment.settings.zone)


def _lines(text: str) -> Iterator[str]:
    """An argument lies open in the list of processes and in the shell's history; standard input does not."""
    if text != "-":
        yield text.strip()
        return
    lines = sys.stdin.buffer.read().decode(errors="replace").splitlines()
    yield from (line.strip() for line in lines if line.strip())


def _record(record: Mapping[str, Any], currency: str, zone: tzinfo) -> Iterator[str]:
    amount = "" if record["amount"] is None else f", {money(record['amount'], currency)}"
    lapses = local(record["lapses_at"], zone) if record["lapses_at"] else "not yet known"
    yield f"{KIND_OF[record['kind']].title}, {record['status']}{amount}"
    yield f"  began {record['began_on']}, ended {record['ended_on'] or 'not: it goes on'}, lapses {lapses}"
    yield f"  reported by {record['partner']} as {record['report_id']}"


def _show(found: Explanation, user: str, settings: FixedSettings) -> None:
    on = found.as_of.astimezone(zones.zone(settings.zone))
    units = policies.units_by_code()
    thin = " (thin: too short a history)" if found.thin else ""
    tell(f"Score {found.score} of {on:%-d %B %Y}{thin}")
    tell(f"version {found.version}, by {found.policy}")
    console.print(f"user_id {user}\n", soft_wrap=True)
    is_first = found.version == 1
    rows: list[tuple[object, ...]] = [
        (
            line.code,
            line.points,
            line.best,
            "" if is_first else signed(line.change),
            rests_on(line.code, line.rests_on, units, settings.currency),
        )
        for line in found.lines
    ]
    rows.append(("score", found.score, "", "" if is_first else signed(found.change), ""))
    columns = ["item", "points", "at best", "change", "rests on"]
    console.print(table(columns, rows, right=("points", "at best", "change")))
    console.print()
    tell(f"What would help most: {', '.join(found.key_factors) or 'nothing, all is at its best'}.")
    if found.restrictions:
        tell(f"Restricted: {', '.join(found.restrictions)}.")
