"""`policy` and `deadline`: the rules as files, answered without any server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from goodstanding import policies
from goodstanding.cli import fitting
from goodstanding.cli.arguments import day, one_of, record_class
from goodstanding.cli.frame import AsJson, answer_json, console, table, tell, tell_entry
from goodstanding.cli.group import commands
from goodstanding.cli.preview import preview
from goodstanding.difference import differences, inline
from goodstanding.errors import UserError
from goodstanding.platform.stack import Stack
from services.retention.core.deadline import DeadlineError, deadline_of, last_day_of
from shared.contracts.kinds import RecordClass
from shared.contracts.retention_profile import Profile
from shared.toml_file import ConfigError

app = commands("Policy files: scorecard, tier table, retention profiles, partners' mappings.")
app.command("preview")(preview)
app.command("fit", short_help="Learn a scorecard from a public data set.")(fitting.fit)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Policy files or partners' mappings.")],
    as_json: AsJson = False,
) -> None:
    """Check policy files as the services do at their start. Ends with 1 when one must not be used, or not beside
    another one.

    Example: goodstanding policy check policies/scorecard.toml partners/bank.toml
    """
    sound: list[Path] = []
    wrong = False
    for file in files:
        try:
            found = policies.check(file)
        except ConfigError as error:
            wrong = True
            _tell_faults(file, error.all, as_json=as_json)
            continue
        sound.append(file)
        if as_json:
            answer_json({"ok": True, "file": str(file), "is": found})
        else:
            tell(f"{file}: {found}")
    for clash in policies.check_together(sound):
        wrong = True
        _tell_faults(clash.file, [clash], as_json=as_json)
    if wrong:
        raise typer.Exit(1)


def _tell_faults(file: Path, faults: Iterable[ConfigError], *, as_json: bool) -> None:
    for each in faults:
        if as_json:
            told = {"file": str(file), "line": each.line, "key": each.key, "code": each.code or None}
            answer_json({"ok": False, **told, "sentence": each.sentence})
        else:
            tell(str(each))


@app.command("diff")
def diff_(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A scorecard, tier table or retention profile.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Another one of the same kind.")],
    as_json: AsJson = False,
) -> None:
    """What changed from one policy file to another: dimensions, features, rules, bins, points, segments, limits.

    Comments, layout and defaults that are written out make no difference. It says what the files say; what that does to
    people's scores: goodstanding policy preview.

    Example: goodstanding policy diff policies/scorecard.toml policies/scorecard-2027.toml
    """
    before, after = policies.compared(old, new)
    changes = differences(before, after)
    ids = [policies.id_of(policy) for policy in (before, after)]
    if as_json:
        told = [{**asdict(change), "sentence": change.sentence} for change in changes]
        answer_json({"old": ids[0], "new": ids[1], "changes": told})
        return
    tell(f"{ids[0]} -> {ids[1]}: {len(changes) or 'no'} change{'s' * (len(changes) != 1)}.")
    for change in changes:
        if change.is_whole:
            tell_entry(change.sentence)
    rows = [(escape(each.where), each.what, _was(each.old), _was(each.new)) for each in changes if not each.is_whole]
    if rows:
        console.print()
        console.print(table(["", "what", "was", "is"], rows))


def _was(value: object) -> str:
    return "-" if value is None else escape(inline(value))


def deadline(
    which: Annotated[
        RecordClass, typer.Option("--class", parser=record_class, metavar="CLASS", help=one_of(list(RecordClass)))
    ],
    ended_on: Annotated[
        date | None,
        typer.Option(parser=day, metavar="DAY", help="The day on which the behavior ended, such as 2024-02-29."),
    ] = None,
    began_on: Annotated[
        date | None,
        typer.Option(
            parser=day,
            metavar="DAY",
            help="The day on which it began, for a profile that counts from that, such as us.",
        ),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="The retention profile; the deployment's, else cn.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The last day of a negative record, and the instant at which it lapses. No server is asked.

    Example: goodstanding deadline --class financial --ended-on 2024-02-29 --json
    """
    if profile is None:
        settings = Stack.default().settings
        profile = settings.retention_profile if settings else "cn"
    rules = policies.profile(profile)
    try:
        found = deadline_as_json(which, _counted_from(rules, began_on, ended_on), rules)
    except DeadlineError as error:
        raise UserError(str(error)) from None
    if as_json:
        answer_json(found)
    else:
        tell(
            f"It counts until the end of {found['last_day']} ({found['years']} years, {found['zone']}) and lapses at "
            f"{found['lapses_at']}."
        )
        if delay := rules.delay_days.of(which):
            tell(f"The years begin {delay} days after that day; of a kind that ends at once they begin on it.")


def _counted_from(rules: Profile, began_on: date | None, ended_on: date | None) -> date:
    """The day that the profile counts from. Raises UserError where it was not said."""
    if rules.clock == "beginning":
        if began_on is None:
            advice = "Say it with --began-on; the day on which it ended changes nothing."
            raise UserError(f"The profile {rules.name} counts from the day on which the behavior began.", advice)
        return began_on
    if ended_on is None:
        raise UserError(f"The profile {rules.name} counts from the day on which the behavior ended.", "Say --ended-on.")
    return ended_on


def deadline_as_json(record_class: RecordClass, on: date, profile: Profile) -> dict[str, Any]:
    """What `deadline --json` says; `lapses_at` is written in the profile's zone. Raises DeadlineError.

    {"class": "life", "ended_on": "2024-02-29", "profile": "cn", "zone": "Asia/Shanghai", "years": 2,
     "last_day": "2026-02-28", "lapses_at": "2026-03-01T00:00:00+08:00"}
    """
    delay = profile.delay_days.of(record_class)
    counted_from = on + timedelta(delay)
    found = deadline_of(record_class, counted_from, profile)
    return {
        "class": record_class.value,
        "began_on" if profile.clock == "beginning" else "ended_on": on.isoformat(),
        **({"delay_days": delay} if delay else {}),
        "profile": profile.name,
        "zone": profile.zone,
        "years": profile.years.of(record_class),
        "last_day": last_day_of(record_class, counted_from, profile).isoformat(),
        "lapses_at": found.lapses_at.astimezone(profile.zone_info).isoformat(),
    }
