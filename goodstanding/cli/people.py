"""`user-id`, `records`, `consents` and `benefits`: one person. `explain` has the score."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator, Mapping
from datetime import tzinfo
from typing import Annotated, Any

import msgspec
import typer

from goodstanding import policies
from goodstanding.cli.arguments import Who
from goodstanding.cli.frame import AsJson, answer_json, console, fail, local, table, tell
from goodstanding.errors import UserError
from goodstanding.explanations import points_of_records
from goodstanding.person import current
from goodstanding.person.benefits import describe
from goodstanding.person.export import disputes_of
from goodstanding.person.user_id import known_user_id, user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.stack import Stack
from goodstanding.users_files import standard_input
from services.retention.core.deadline import last_day_before
from services.scorer.core.reasons.figures import money
from shared.contracts import zones
from shared.contracts.kinds import KIND_OF
from shared.contracts.retention_profile import Profile


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
            if identifier != "-" or settings is None:
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


def records(who: Who, as_json: AsJson = False) -> None:
    """A person's negative records: the state of each, its last day, what it costs today, and whom to ask about it.

    Example: goodstanding records GS000000000195
    """
    deployment, user, zone = asked(who)
    profile = policies.profile(deployment.settings.retention_profile)
    found = asyncio.run(_records(deployment, user, profile))
    for record in found:
        if as_json:
            answer_json({"user_id": user, **msgspec.to_builtins(record)})
        else:
            for line in _record(record, deployment.settings.currency, zone):
                tell(line)
    if not found and not as_json:
        tell("There is no negative record of this person.")


def consents(who: Who, as_json: AsJson = False) -> None:
    """A person's consents: to whom, for what, since when, and whether each was taken back.

    Example: goodstanding consents GS000000000195
    """
    deployment, user, zone = asked(who)
    found = asyncio.run(current.consents(deployment, user))
    for each in found:
        if as_json:
            answer_json({"user_id": user, **msgspec.to_builtins(each)})
            continue
        given = f"for {each['purpose']}, given {local(each['given_at'], zone)}" if each["given_at"] else "never used"
        taken_back = f", withdrawn {local(each['withdrawn_at'], zone)}" if each["withdrawn_at"] else ""
        tell(f"{each['partner']}  {each['consent_id']}  {given}{taken_back}")
    if not found and not as_json:
        tell("No consent of this person is known.")


async def _records(deployment: Deployment, user: str, profile: Profile) -> list[dict[str, Any]]:
    found = await current.records(deployment, user)
    points = await points_of_records(deployment, user, [record["record_id"] for record in found]) if found else {}
    beside = await current.beside(deployment, user) if found else {}
    for record in found:
        disputes = disputes_of(beside[record["record_id"]]["disputes"]) if record["record_id"] in beside else ()
        record["said_against"] = disputes[-1].questions if disputes else ()
        record["last_day"] = last_day_before(record["lapses_at"], profile) if record["lapses_at"] else None
        record["points"] = points.get(record["record_id"])
    return found


def when_scores_come(deployment: Deployment) -> str:
    if deployment.settings.clock == "loading":
        return "This platform is loading its past: scores are published as the import goes on."
    if deployment.settings.clock == "stepped":
        return "The clock of this platform stands still, since it is a demo's: no new score is published."
    return policies.when_scores_come(continuous=deployment.settings.cadence == "continuous")


def benefits(who: Who, as_json: AsJson = False) -> None:
    """A person's tier, the benefits in force, and why others are not.

    Example: goodstanding benefits GS000000000195
    """
    deployment, user, zone = asked(who)
    found = asyncio.run(current.benefits(deployment, user))
    if found is None:
        fail("There is no score of this person, and so no tier.", when_scores_come(deployment))
    described = describe(
        found["score"],
        found["tier"],
        found["in_force"],
        found["restrictions"],
        policies.tier_table(found["as_of"].astimezone(zone).date()),
        found["falls_to"],
    )
    if as_json:
        answer_json({"user_id": user, **msgspec.to_builtins(found), "benefits": msgspec.to_builtins(described.lines)})
        return
    following = f"; {described.next_tier} begins at {described.next_from}" if described.next_tier else ""
    thin = " (thin: too short a history)" if found["thin"] else ""
    tell(f"{described.tier or 'No tier'} at a score of {found['score']}{thin}{following}.")
    if found["restrictions"]:
        tell(f"Restricted: {', '.join(found['restrictions'])}.")
    if found["falls_at"] is not None:
        falls = f"{described.tier} falls to {described.falls_to or 'no tier'} at {local(found['falls_at'], zone)}"
        tell(f"{falls}, unless the score recovers. Then ends: {', '.join(described.ending)}.")
    lines = [(line.name, line.tier, line.from_score, line.status) for line in described.lines]
    console.print()
    console.print(table(["benefit", "tier", "from", "status"], lines, right=("from",)))


def asked(who: str) -> tuple[Deployment, str, tzinfo]:
    """The deployment, whom a command is about, and the zone in which days are counted."""
    deployment = Stack.default().deployment
    [text] = [*_lines(who)][:1] or [""]
    user = asyncio.run(known_user_id(text, deployment))
    return deployment, user, zones.zone(deployment.settings.zone)


def _lines(text: str) -> Iterator[str]:
    """An argument lies open in the list of processes and in the shell's history; standard input does not."""
    if text != "-":
        yield text.strip()
        return
    lines = standard_input().decode(errors="replace").splitlines()
    yield from (line.strip() for line in lines if line.strip())


def _record(record: Mapping[str, Any], currency: str, zone: tzinfo) -> Iterator[str]:
    amount = "" if record["amount"] is None else f", {money(record['amount'], currency, 'en')}"
    lapses = f"{local(record['lapses_at'], zone)} (last day {record['last_day']})" if record["lapses_at"] else "not yet"
    yield f"{KIND_OF[record['kind']].title}, {record['status']}{amount}"
    yield f"  began {record['began_on']}, ended {record['ended_on'] or 'not: it goes on'}"
    yield f"  lapses {lapses}"
    if record["early_at"] is not None:
        yield f"  lapses {local(record['early_at'], zone)} already if nothing else is held of you then"
    if not record["counts"]:
        waits = record["counts_from"] is not None and record["status"] not in ("disputed", "unverifiable")
        since = f" before {local(record['counts_from'], zone)}" if waits else ""
        yield f"  does not count{since}"
    elif record["points"] is not None:
        yield f"  costs {-record['points']} points today"
    yield f"  reported by {record['partner']} as {record['report_id']}"
    if record["answer_by"] is not None:
        yield f"  {record['partner']} is asked, and must answer by the end of {record['answer_by']}"
    for each in record["said_against"]:
        said = f"you said that it is wrong: {each.reason}{'' if each.text is None else f': {each.text}'}"
        yield from textwrap.wrap(said, 78, initial_indent="  ", subsequent_indent="    ")
    if record["statement"] is not None:
        yield "  carries your statement:"
        yield from textwrap.wrap(record["statement"], 76, initial_indent="    ", subsequent_indent="    ")
    yield f"  number {record['record_id']}"
