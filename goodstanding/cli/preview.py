"""`policy preview`: what a scorecard would do to everybody whom a running platform knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from goodstanding import policies
from goodstanding.cli.figures import signed
from goodstanding.cli.frame import AsJson, answer_json, console, errors, table, tell, wants_json
from goodstanding.cli.picture import check_drawing
from goodstanding.cli.tier_preview import preview_tiers
from goodstanding.errors import UserError
from goodstanding.person.everybody import Everybody
from goodstanding.person.user_id import SHOWN
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.stack import Stack
from goodstanding.simulation.real_data.bands import end_of
from goodstanding.validation import preview_plot
from goodstanding.validation.preview import Found, Preview, answer_of, bands, crossings
from services.benefits.core.table import TierTable
from services.scorer.core.scorecard import Scorecard
from shared.contracts import zones
from shared.contracts.months import month_of

_BAR_CHARACTERS = 24
_TELL_EVERY = 200


def preview(
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The scorecard, or the tier table, to try.")],
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with this file; else with the one that is in force now."),
    ] = None,
    movers: Annotated[
        int, typer.Option(metavar="COUNT", min=0, max=10_000, help="How many of the largest changes are shown.")
    ] = 10,
    picture: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw scores and changes there, as SVG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score everybody whom the running platform knows by another scorecard, or judge them by another tier table, and
    say what would change. Nothing does: it only reads.

    Both scorecards look at the same complete months, with the records and contacts of now; in continuous cadence the
    month at hand counts as well.

    Example: goodstanding policy preview policies/scorecard.toml
    """
    if policies.is_tier_table(new):
        if picture is not None:
            raise UserError("Of a tier table nothing is drawn.", "Leave out --plot.")
        preview_tiers(new, against, movers, as_json=as_json)
        return
    if picture is not None:
        check_drawing(picture, "--plot")
    card, tiers = policies.scorecard(new), policies.tier_table()
    given = policies.scorecard(against) if against else None
    old, card, found = asyncio.run(previewed(Stack.default().deployment, card, given, tiers, movers))
    if not found.all.people:
        raise UserError("The platform knows nobody yet.", "Send it events: goodstanding partner send")
    if picture is not None:
        picture.write_text(preview_plot.svg(found, old, card), encoding="utf-8")
    if as_json:
        answer_json(answer_of(found, old, card, tiers))
    else:
        _show(found, old, card, tiers)


async def previewed(
    deployment: Deployment, new: Scorecard, against: Scorecard | None, tiers: TierTable, movers: int
) -> tuple[Scorecard, Scorecard, Found]:
    """The two scorecards that are compared, as this deployment would publish by them, and what came out."""
    now, zone = await deployment.now(), zones.zone(deployment.settings.zone)
    running = policies.in_force_on(now.astimezone(zone).date(), deployment.policies)
    if deployment.settings.cadence == "continuous":
        # The services' own policy says so too, which decides the id that publications name.
        new, against = _continuous(new), _continuous(against) if against else None
    old = against or running
    through = month_of(now, zone) - (running.cadence == "monthly")
    of = Preview(old, new, tiers, through, now, movers)
    everybody = Everybody(deployment)
    with _progress() as advance:
        async for person in everybody.people():
            of.take(person.user_id, person.state, person.circle)
            advance(everybody.count)
    return old, new, of.done()


def _continuous(card: Scorecard) -> Scorecard:
    return msgspec.structs.replace(card, cadence="continuous")


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """A bar on standard error, for somebody who waits at a terminal. What it yields is called once for each person,
    with how many there are."""
    columns = (TextColumn("Scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = wants_json.get() or not errors.is_terminal
    with Progress(*columns, console=errors, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=None)
        done = 0

        def advance(total: int) -> None:
            nonlocal done
            done += 1
            if done % _TELL_EVERY == 0 or done == total:
                bar.update(task, completed=done, total=total)

        yield advance


def _show(found: Found, old: Scorecard, new: Scorecard, tiers: TierTable) -> None:
    everybody = found.all
    tell(f"{old.id} -> {new.id}: {everybody.people:,} people, {everybody.up:,} up, {everybody.down:,} down.")
    distinct, thin = [len(counts) for counts in found.scores], [counts[True] for counts in found.thin]
    tell(
        f"Mean score {everybody.mean_old:.1f} -> {everybody.mean_new:.1f}; different scores {distinct[0]:,} -> "
        f"{distinct[1]:,}; thin files {thin[0]:,} -> {thin[1]:,}; PSI {found.stability:.3f} (below 0.1 is stable)."
    )
    console.print()
    console.print(_band_table(found))
    console.print()
    _show_crossings(found, tiers)
    if len(found.segments) > 1:
        console.print()
        console.print(_segment_table(found))
    if found.movers:
        console.print()
        rows = [(each.user_id[:SHOWN], each.old, each.new, signed(each.change)) for each in found.movers]
        console.print(table(["moves most", "now", "new", "change"], rows, right=("now", "new", "change")))


def _band_table(found: Found) -> Table:
    before, after = (bands(counts) for counts in found.scores)
    most = max([*before.values(), *after.values()])
    rows = [
        (
            f"{low}-{end_of(low)}",
            f"{before.get(low, 0):,}",
            f"{after.get(low, 0):,}",
            signed(after.get(low, 0) - before.get(low, 0)),
            "█" * round(after.get(low, 0) / most * _BAR_CHARACTERS),
        )
        for low in sorted(before.keys() | after.keys())
    ]
    return table(["score", "now", "new", "change", ""], rows, right=("now", "new", "change"))


def _show_crossings(found: Found, tiers: TierTable) -> None:
    names = {tier.code: tier.name for tier in tiers.tiers}
    crossed = [(names.get(a or "", "no tier"), names.get(b or "", "no tier"), n) for a, b, n in crossings(found, tiers)]
    if crossed:
        rows = [(f"{a} -> {b}", f"{people:,}") for a, b, people in crossed]
        console.print(table(["crosses a tier", "people"], rows, right=("people",)))
    else:
        tell("Nobody crosses a tier.")
    for codes, words in ((found.restricted, "newly restricted"), (found.freed, "no longer restricted")):
        for code, people in sorted(codes.items()):
            tell(f"{people:,} people {words}: {code}.")


def _segment_table(found: Found) -> Table:
    rows = [
        (code or "", f"{g.people:,}", f"{g.up:,}", f"{g.down:,}", f"{g.mean_old:.1f}", f"{g.mean_new:.1f}")
        for code, g in found.segments.items()
    ]
    columns = ["segment", "people", "up", "down", "mean now", "mean new"]
    return table(columns, rows, right=columns[1:])
