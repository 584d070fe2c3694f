"""`import` and `go-live`: the past of a new deployment, loaded month by month, and closed for good."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from goodstanding.cli.arguments import day, partner_names
from goodstanding.cli.frame import (
    AsJson,
    answer_json,
    fail,
    local,
    say,
    stops_politely,
    tell,
)
from goodstanding.cli.loading_progress import Bar, Reading
from goodstanding.errors import UserError
from goodstanding.loading.backfill import check_new, present, window_of
from goodstanding.loading.leading import check_scorecards, directory, leading
from goodstanding.loading.live import go_live as close_the_past
from goodstanding.loading.playing import Player
from goodstanding.loading.services import Services, services_of
from goodstanding.loading.shelf import File, Shelf, open_shelf
from goodstanding.loading.sorting import Days, Sorter
from goodstanding.partner.crosswalks import read_crosswalk
from goodstanding.partner.mapping_files import mapping_of
from goodstanding.platform import files_in_force
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.one_at_a_time import one_at_a_time
from goodstanding.platform.stack import Stack
from goodstanding.users_files import seekable
from shared.contracts import zones
from shared.contracts.months import month_start
from shared.contracts.times import rfc3339

_REFUSED = Path("refused.jsonl")


def import_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Events in the partner's format, in any order, packed if you like; - is standard input. Without one, "
            "what was held is sent.",
        ),
    ] = None,
    partner: Annotated[
        str | None,
        typer.Option(metavar="PARTNER", help="Whose events they are.", autocompletion=partner_names),
    ] = None,
    since: Annotated[
        date | None, typer.Option("--from", parser=day, metavar="DATE", help="Leave out the events of earlier days.")
    ] = None,
    until: Annotated[
        date | None,
        typer.Option("--until", parser=day, metavar="DATE", help="Leave out the events of this day and later ones."),
    ] = None,
    hold: Annotated[
        bool, typer.Option("--hold", help="Read and judge only. The next import sends them, in one go with its own.")
    ] = False,
    refused: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write what is refused: line, code, field and sentence.")
    ] = _REFUSED,
    as_json: AsJson = False,
) -> None:
    """Load the past of a platform that was set up with `local up --loading`: the clock is led through it month by
    month, and each month takes its events as if they had just been sent.

    The order of events and files does not matter, for those that are imported in one go: hold the files of one partner
    while you read those of the next. Once the clock has passed a month by three, it takes no event any more. A command
    that was interrupted is repeated: what was taken is not counted again. Ends with 1 when an event is refused.

    Example: goodstanding import bank.jsonl.gz --partner bank --from 2024-01-01
    """
    stack = Stack.default()
    services, days = services_of(stack, say), Days(since, until)
    with stops_politely("Interrupted. Repeat the command, and it goes on."), alone(stack) as deployment:
        window = _window(deployment, services, files, partner, days)
        began = time.monotonic()
        room = directory(deployment)
        if window:
            check_new(deployment, window)
            # Apart from what other partners have sent for other months.
            room /= window.replace(":", "-")
        with open_shelf(room) as shelf:
            read = _sorted(deployment, files or [], partner, days, shelf, room)
            sent = 0 if hold else _sent_all(deployment, services, window, shelf)
            told = _answer(shelf, read or shelf.files(), refused, sent, time.monotonic() - began, hold, as_json)
        if window and not hold:
            shutil.rmtree(room)
    if told:
        raise typer.Exit(1)


@contextmanager
def alone(stack: Stack) -> Iterator[Deployment]:
    """The deployment as it is when no other import and no `go-live` is at work."""
    _check_may_write(stack.deployment)
    wait = partial(say, "Another import, or go-live, is at work; this command waits until that is done.")
    with one_at_a_time(stack.deployment.directory, wait):
        yield stack.deployment


def _window(
    deployment: Deployment, services: Services, files: Sequence[Path] | None, partner: str | None, days: Days
) -> str | None:
    """The months for which a partner is backfilled on a platform that is live; None on one that is loading."""
    settings = deployment.settings
    if settings.clock == "loading":
        return None
    if settings.clock == "stepped" or not files or partner is None or days == Days():
        raise UserError(
            "The past of this platform is closed: it was not set up for loading, or has gone live.",
            f"{services.another}\nOr send the past of a new partner for declared days: goodstanding import FILE "
            "--partner PARTNER --from DATE --until DATE",
        )
    return window_of(partner, days, _now(), settings.zone)


def _sent_all(deployment: Deployment, services: Services, window: str | None, shelf: Shelf) -> int:
    """How many events that were."""
    with Bar(sum(shelf.waiting().values())) as bar:
        if window:
            return _backfilled(deployment, services, window, shelf, bar)
        return asyncio.run(_sent(deployment, services, shelf, bar))


def _backfilled(deployment: Deployment, services: Services, window: str, shelf: Shelf, bar: Bar) -> int:
    """Send all that waits, to months that are open for as long as this takes; how many events that were."""
    sent = 0
    if shelf.waiting():
        say("Opening the months for the partner")
        deployment = services.backfill(deployment, window)
        sent = asyncio.run(_sent_now(deployment, window.partition(":")[0], shelf, bar))
    if deployment.settings.backfill:
        say("Closing the months")
        services.backfill(deployment, None)
    return sent


async def _sent_now(deployment: Deployment, partner: str, shelf: Shelf, bar: Bar) -> int:
    sent = 0
    async with present(deployment, partner) as waiter:
        player = Player(shelf, waiter, deployment.kafka, deployment.settings.zone, _now)
        async for month in player.play():
            sent += month.events
            bar.over(month)
    return sent


def _sorted(
    deployment: Deployment, files: Sequence[Path], partner: str | None, days: Days, shelf: Shelf, room: Path
) -> list[File]:
    if not files:
        return []
    if partner is None:
        raise UserError("Whose events are these?", "Say it: --partner PARTNER")
    files_in_force.wait_for(deployment, partner)
    if edited := files_in_force.not_read_by(deployment, "ingest", partner):
        raise UserError(
            f"{edited[0]} was edited since ingest has read it, and is not in force.",
            "See why: goodstanding local status. A mapping without faults is read by itself; for another file restart: "
            "goodstanding local down; goodstanding local up",
        )
    has_numbers = mapping_of(partner).crosswalk
    crosswalk = asyncio.run(read_crosswalk(deployment, partner)) if has_numbers else None
    sorter = Sorter(partner, deployment.settings, datetime.now(UTC), days, crosswalk)
    read = []
    for file in files:
        with seekable(file, room) as there:
            read.append(sorter.put(there, str(file), shelf, room, Reading(str(file))))
    return read


async def _sent(deployment: Deployment, services: Services, shelf: Shelf, bar: Bar) -> int:
    """Send all that waits, and lead the clock behind it; how many events that were. Where nothing waits, an import may
    have been killed on that last part of its way."""
    first, last = shelf.first_month(), shelf.last_month()
    if last is None:
        return 0
    settings, zone, sent = deployment.settings, zones.zone(deployment.settings.zone), 0
    if first is not None:
        check_scorecards(deployment, month_start(first, zone))
    async with leading(deployment, services.processes, bar.watch) as leader:
        player = Player(shelf, leader, deployment.kafka, settings.zone, _now)
        async for month in player.play():
            sent += month.events
            bar.over(month)
        # The last month's scores are published as well, if their day has come.
        await leader.to(min(leader.run_of(last + 1), _now()))
        await player.hear()
    return sent


def _now() -> datetime:
    return datetime.now(UTC)


def _answer(
    shelf: Shelf, files: Sequence[File], into: Path, sent: int, seconds: float, held: bool, as_json: bool
) -> int:
    """Tell how many events of each file came to what, and where the refusals stand; returns how many those are."""
    refused = write_refusals(shelf, files, into)
    for file in files:
        count = shelf.refused(file.id)
        taken = file.events - file.skipped - file.outside - count
        counts = {"taken": taken, "refused": count, "skipped": file.skipped, "outside": file.outside}
        if as_json:
            answer_json({"file": file.name, "partner": file.partner, "events": file.events, **counts})
        else:
            words = ", ".join(f"{number:,} {word}" for word, number in counts.items() if number or word == "taken")
            tell(f"{file.name}: {file.events:,} events of {file.partner}: {words}.")
    waiting = sum(shelf.waiting().values())
    if as_json:
        answer_json({"sent": sent, "waiting": waiting, "seconds": round(seconds, 1)})
    elif sent:
        tell(f"{sent:,} events sent in {seconds:,.0f} s: {sent / seconds:,.0f} a second.")
    elif held:
        tell(f"{waiting:,} events are held; the next import without --hold sends them.")
    elif not files:
        tell("Nothing is held, so there is nothing to send.")
    if refused and not as_json:
        tell(f"What is refused is in {into}.")
    return refused


def write_refusals(shelf: Shelf, files: Sequence[File], into: Path) -> int:
    """One object a line, in the order of the files; no file where nothing is refused, whatever an earlier command has
    left there. Returns how many they are."""
    counts = {file.id: shelf.refused(file.id) for file in files}
    try:
        if not any(counts.values()):
            into.unlink(missing_ok=True)
            return 0
        with into.open("w", encoding="utf-8") as written:
            for file in files:
                for each in shelf.refusals(file.id):
                    told = {"file": file.name, "partner": file.partner, "line": each.number, "code": each.code}
                    about = {"field": each.field} if each.field else {}
                    written.write(json.dumps({**told, **about, "sentence": each.sentence}, ensure_ascii=False) + "\n")
    except OSError as error:
        fail(f"{into} cannot be written: {error.strerror}.", "Name another file: --refused FILE")
    return sum(counts.values())


def go_live(as_json: AsJson = False) -> None:
    """Close the past of a platform that was loading: its clock is led to the present, and from then on it is the
    system's. That cannot be undone, and no past is imported any more. Where it was interrupted it is repeated.

    Example: goodstanding go-live
    """
    stack = Stack.default()
    services = services_of(stack, say)
    with stops_politely("Interrupted. Repeat the command, and it goes on."), alone(stack) as deployment, Bar(0) as bar:
        since = close_the_past(deployment, services, say, bar.watch)
    if as_json:
        answer_json({"live_since": rfc3339(since)})
        return
    tell(f"The past is closed, and the platform is live since {local(since, zones.zone(deployment.settings.zone))}.")
    if services.when_live:
        tell(services.when_live)


def _check_may_write(deployment: Deployment) -> None:
    if not os.access(deployment.directory, os.W_OK):
        fail(
            f"{deployment.directory} cannot be written, where this command keeps what it has still to do.",
            "On compose another container may: docker compose run --rm loading",
        )
