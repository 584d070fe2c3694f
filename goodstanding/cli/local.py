"""`local`: the platform on this machine, up, down, what it is like now, and its logs."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict
from typing import Annotated, Literal, get_args

import typer

from goodstanding import policies
from goodstanding.cli.frame import AsJson, answer_json, console, say, table, tell
from goodstanding.cli.group import commands
from goodstanding.cli.local_notes import notes_on
from goodstanding.errors import UserError
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers.server import BROKERS, NAMES
from goodstanding.platform.stack import Part, Stack
from shared.contracts.identity import SchemeName
from shared.contracts.topics import PROCESSES

app = commands("The platform on this machine, in the background: Kafka, Postgres and the services.")

_SCHEMES = get_args(SchemeName)[:4]
"""Those that are no country's own."""
_PARTS = (*NAMES, *PROCESSES, *BROKERS[1:])


@app.command()
def up(
    continuous: Annotated[
        bool | None,
        typer.Option(
            "--continuous/--by-policy",
            help="Publish each score as soon as it changes, or when policies/scorecard.toml says. It stays so until "
            "the other is said.",
        ),
    ] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Where days and months are counted.")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="The currency that amounts are kept in.")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="How long records stay: policies/retention/<name>.toml.")
    ] = None,
    identity: Annotated[
        str | None, typer.Option(metavar="SCHEME", help=f"How partners name people: {', '.join(_SCHEMES)} ...")
    ] = None,
    secure: Annotated[
        bool | None,
        typer.Option(
            "--secure/--open",
            help="Have Kafka ask everybody who they are, over TLS, and allow each only what is its own. It is settled "
            "when the platform is set up.",
        ),
    ] = None,
    brokers: Annotated[
        int | None,
        typer.Option(
            metavar="COUNT",
            min=1,
            max=3,
            help="With 3, a record is acknowledged when two brokers have it, so that one may be lost. It is settled "
            "when the platform is set up.",
        ),
    ] = None,
    portal: Annotated[
        bool,
        typer.Option(
            "--portal",
            help="Start the portal too, for people, and for programs over HTTP. It stays a part of the platform.",
        ),
    ] = False,
    loading: Annotated[
        bool,
        typer.Option("--loading", help="Set it up with an open past, for `goodstanding import`; `go-live` closes it."),
    ] = False,
    past_scores: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH",
            help="With --loading: `all` publishes each month's scores as the past is loaded, `last` each person's last "
            "one, when the platform goes live. `all` if left out.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start what does not run: Kafka, Postgres, schemas, topics, services. Data of the last time are kept.

    Zone, currency, profile and identity are fixed when the platform is set up for the first time: with others the same
    events would mean something else.

    Example: goodstanding local up --zone Europe/Berlin --currency EUR --profile eu --identity email
    """
    stack = Stack.default()
    fixed = {"zone": zone, "currency": currency, "retention_profile": profile, "identity_scheme": identity}
    said = {name: value for name, value in fixed.items() if value is not None}
    ran = all(part.trouble is None for part in stack.status())
    cadence: Literal["policy", "continuous"] | None = None
    if continuous is not None:
        cadence = "continuous" if continuous else "policy"
    if past_scores is not None:
        if not loading or past_scores not in ("all", "last"):
            raise typer.BadParameter("Say --loading --past-scores all, or last.")
        said["past_scores"] = past_scores
    if loading:
        said["clock"] = "loading"
    copies = {"replication_factor": str(brokers)} if brokers and not stack.uses_given_servers else {}
    settings = stack.settings or FixedSettings.new(**said, **copies)
    _check_fixed(settings, said)
    if not ran:
        policies.check_all(settings)
    deployment = stack.up(say, settings, cadence=cadence, secured=secure, brokers=brokers, portal=portal)
    _show(stack, as_json)
    if as_json:
        return
    tell("\nAll of it was running before." if ran else "\nAll of it is running.")
    if deployment.settings.clock == "loading":
        tell("Its past is open. To load it, and then to close it for good:")
        tell("  goodstanding import events.jsonl --partner bank")
        tell("  goodstanding go-live")
    if deployment.settings.portal_key:
        tell(f"The portal is at {deployment.portal_url}. To open a person's page:")
        tell("  goodstanding person link <user_id>")
    if deployment.settings.clock == "system":
        tell("To send it something:")
        tell("  goodstanding partner sample bank --count 100 > events.jsonl")
        tell("  goodstanding partner send bank events.jsonl")


def _check_fixed(settings: FixedSettings, said: dict[str, str]) -> None:
    """Raises UserError for something that was fixed otherwise when the platform was set up."""
    if said.get("clock", settings.clock) != settings.clock:
        raise UserError(
            "The past of this platform is closed: it was not set up for loading, or has gone live.",
            "Set up another one: GOODSTANDING_HOME=... goodstanding local up --loading",
        )
    for name, value in said.items():
        if (fixed := getattr(settings, name)) != value:
            raise UserError(
                f"This platform was set up with {name} = {fixed}, which cannot be changed.",
                "Set up another one: GOODSTANDING_HOME=... goodstanding local up, or begin again with an empty one: "
                "goodstanding local down --delete",
            )


@app.command()
def down(
    delete: Annotated[bool, typer.Option("--delete", help="Delete data, secrets and logs as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stop services and servers. Their data stay for the next `local up`, unless --delete says otherwise.

    Example: goodstanding local down --delete
    """
    stack = Stack.default()
    ran = any(part.pid for part in stack.status())
    kept = not stack.is_new
    stack.down(delete=delete)
    if as_json:
        answer_json({"stopped": ran, "deleted": delete and kept, "home": str(stack.home)})
        return
    stopped = "Stopped" if ran else "Nothing was running"
    if not kept:
        tell(f"{stopped}, and there are no data in {stack.home}.")
    elif delete:
        tell(f"{stopped}, and deleted all data." if ran else f"{stopped}; deleted all data.")
    else:
        tell(f"{stopped}. The data are in {stack.home}.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """What runs, where, whether it is ready, and where data and logs are. Ends with 1 when something is not ready.

    Example: goodstanding local status --json
    """
    if _show(Stack.default(), as_json):
        raise typer.Exit(1)


@app.command()
def logs(
    part: Annotated[
        str,
        typer.Argument(
            metavar="[PART]",
            help=f"One of: {', '.join(_PARTS)}. All of them if left out.",
            autocompletion=lambda incomplete: [name for name in _PARTS if name.startswith(incomplete)],
        ),
    ] = "",
    last: Annotated[
        int, typer.Option("--last", "-n", metavar="COUNT", min=1, help="How many lines of each to show.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """The last lines of the logs, and where they lie.

    Example: goodstanding local logs scorer --last 50
    """
    if part and part not in _PARTS:
        raise typer.BadParameter(f"There is no part {part}; say one of: {', '.join(_PARTS)}.")
    for each in Stack.default().status():
        if part in ("", each.name):
            _log(each, last, as_json)


def _show(stack: Stack, as_json: bool) -> bool:
    """Tell what is so; whether something is not ready."""
    parts = stack.status()
    ready = all(part.trouble is None for part in parts)
    notes = notes_on(stack)
    if as_json:
        for part in parts:
            answer_json(
                {**asdict(part), "log": str(part.log), "ready": part.trouble is None, "state": part.trouble or "ready"}
            )
        answer_json({"name": "platform", "ready": ready, "home": str(stack.home), **notes.as_json()})
    else:
        rows = [(part.name, part.trouble or "ready", part.address, part.pid) for part in parts]
        console.print(table(["part", "state", "address", "pid"], rows))
        console.print()
        for line in (*notes.sentences(), f"Data: {stack.home}", "Logs: goodstanding local logs"):
            tell(line)
    return not ready


def _log(part: Part, last: int, as_json: bool) -> None:
    try:
        with part.log.open(encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n") for line in deque(file, last)]
    except FileNotFoundError:
        lines = []
    if as_json:
        for line in lines:
            answer_json({"name": part.name, "log": str(part.log), "line": line})
        return
    console.print(f"{part.name}: {part.log}{'' if lines else ' (nothing yet)'}", soft_wrap=True, markup=False)
    for line in lines:
        console.print(f"  {line}", soft_wrap=True, markup=False)
