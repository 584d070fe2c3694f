"""`score`: what a policy makes of events in files, with no server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from goodstanding import policies
from goodstanding.cli.arguments import day, partner_names
from goodstanding.cli.figures import rests_on
from goodstanding.cli.frame import AsJson, answer_json, console, table, tell, warn
from goodstanding.errors import UserError
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack
from goodstanding.validation.event_files import Scored, Scores, partner_of, scores_of
from services.scorer.core.features.base import Unit
from services.scorer.core.scorecard import Scorecard
from shared.contracts.faults import Code

_IN_FULL = 3
"""Of so many people at most every item is shown; of more, one line each."""


def score(
    files: Annotated[
        list[Path],
        typer.Option(
            "--events", metavar="FILE", help="Events in a partner's format, one a line; may be said several times."
        ),
    ],
    on: Annotated[date, typer.Option(parser=day, metavar="DAY", help="The day of the score, such as 2026-01-31.")],
    partner: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose events they are; else the file's name says it (bank.jsonl), or its first event.",
            autocompletion=partner_names,
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A scorecard; else the deployment's that is in force that day.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score the people in files of events, as a publication at the end of a day would, with every item. No server is
    needed.

    Each event counts as though it had been sent when it happened. Contacts have no standing here, since nobody else is
    known.

    Example: goodstanding score --events bank.jsonl --on 2026-01-31 --json
    """
    settings = Stack.default().settings or FixedSettings.new()
    card = policies.scorecard(policy) if policy else policies.in_force_on(on)
    given = [(file, partner or partner_of(file, settings)) for file in files]
    found = scores_of(given, card, on, settings, policies.profile(settings.retention_profile))
    _warn(found, on, *given[0])
    if not found.people:
        whole = f"None of the {found.events:,} events counts" if found.events != 1 else "The one event does not count"
        raise UserError(f"{whole} on {on}.", _advice(found.refused))
    if as_json:
        for each in found.people:
            answer_json({**answer_of(each, card, on), "events": found.events, "refused": dict(found.refused)})
    else:
        _show(found, card, on, settings)


def _advice(refused: Mapping[str, int]) -> str:
    if Code.IN_FUTURE in refused:
        return "Name a later day, or other events."
    return "Name an earlier day, or other events." if Code.TOO_LATE in refused else "Name other events."


def _warn(found: Scores, on: date, file: Path, partner: str) -> None:
    """Of what does not count, so that nobody takes the score for one of all events."""
    refused = Counter(found.refused)
    if later := refused.pop(Code.IN_FUTURE, 0):
        warn(f"{later:,} of {found.events:,} events lie after {on}, and do not count.")
    if refused:
        counts = ", ".join(f"{count:,} {code}" for code, count in refused.most_common())
        warn(
            f"{refused.total():,} of {found.events:,} events are refused: {counts}. "
            f"Why, line by line: goodstanding partner validate {partner} {file}"
        )


def answer_of(scored: Scored, card: Scorecard, on: date) -> dict[str, Any]:
    """One person's score for programs. The points of `items` sum to `score`; `rests_on` is empty where nothing is
    known."""
    evaluation = scored.evaluation
    return {
        "user_id": scored.user_id,
        "first_event": scored.first,
        "on": on.isoformat(),
        "policy": card.id,
        "score": evaluation.score,
        "thin": evaluation.thin,
        "restrictions": list(evaluation.restrictions),
        "key_factors": list(evaluation.key_factors),
        "items": [
            {
                "code": item.code,
                "points": item.points,
                "best": item.best,
                "rests_on": msgspec.to_builtins(item.rests_on),
            }
            for item in evaluation.items
        ],
    }


def _show(found: Scores, card: Scorecard, on: date, settings: FixedSettings) -> None:
    refused = sum(found.refused.values())
    without = f", without {refused:,} of the {found.events:,} events" if refused else ""
    tell(f"{len(found.people):,} {'people' if len(found.people) != 1 else 'person'} on {on}, by {card.id}{without}")
    if len(found.people) > _IN_FULL:
        rows = [(p.first, p.evaluation.score, ", ".join(p.evaluation.key_factors)) for p in found.people]
        console.print(table(["first event", "score", "what costs most"], rows, right=("score",)))
        tell("Every item of each: the same with --json.")
        return
    for each in found.people:
        console.print()
        _show_in_full(each, policies.units_of([card]), settings.currency)


def _show_in_full(scored: Scored, units: Mapping[str, Unit], currency: str) -> None:
    evaluation = scored.evaluation
    thin = " (thin: too short a history)" if evaluation.thin else ""
    tell(f"Score {evaluation.score}{thin} of the person of {scored.first}")
    rows: list[tuple[object, ...]] = [
        (item.code, item.points, item.best, rests_on(item.code, item.rests_on, units, currency))
        for item in evaluation.items
    ]
    rows.append(("score", evaluation.score, "", ""))
    console.print(table(["item", "points", "at best", "rests on"], rows, right=("points", "at best")))
    tell(f"Most points are missing in: {', '.join(evaluation.key_factors) or 'nothing, all is at its best'}.")
    if evaluation.restrictions:
        tell(f"Restricted: {', '.join(evaluation.restrictions)}.")
