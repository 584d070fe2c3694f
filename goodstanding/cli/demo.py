"""`demo`: the main job, shown from beginning to end, as a story or with real data."""

from __future__ import annotations

import re
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from goodstanding import policies
from goodstanding.cli import backtest
from goodstanding.cli.data_set import source_of
from goodstanding.cli.explanation import show_in_short
from goodstanding.cli.fitting import POLICY as LEARNED_POLICY
from goodstanding.cli.frame import AsJson, answer_json, console, fail, prose, stops_politely
from goodstanding.cli.picture import check_drawing
from goodstanding.cli.portal import link_for
from goodstanding.cli.program import pasted
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack, given_addresses
from goodstanding.simulation.real_data import play as real_data
from goodstanding.simulation.real_data.adapters import adapters
from goodstanding.simulation.story import play as story
from goodstanding.simulation.story.cast import Cast
from goodstanding.simulation.story.ending import ending
from goodstanding.simulation.view import Plain, band_table, view_for
from goodstanding.validation import plot
from shared.contracts.kinds import KIND_OF

_DIFFERENCES_SHOWN = 5
_INTERRUPTED = "Interrupted; everything that the demo had started is stopped. Start it again any time."
_CHECKED = (
    "[green]Checked[/]: the accepted and refused events and every change of a score, tier and record equal a "
    "recomputation from the sent events."
)
_PICTURE_COLUMNS = 118
_STORY_KEYS = (
    *("events", "accepted", "refused", "repeated", "scores", "tiers", "records", "lapsed", "freed", "people"),
    *("instants", "hero", "differences", "seconds"),
)
_REAL_DATA_KEYS = (
    *("events", "accepted", "refused", "repeated", "scores", "tiers", "records", "people", "bands", "differences"),
    *("example", "seconds"),
)
"""What --json answers, in its order."""
_PAGE_HOURS = 24.0
"""How long the link at the end opens the page."""
_OTHERS = (
    "goodstanding tail records --last 99 --once",
    "others, whose records came and went: the commands above take the beginning of a line, too",
)
_LOADED_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running, to look around.")] = False,
    real: Annotated[bool, typer.Option("--real", help="Real data instead: six months of 15,000 customers.")] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Real data of your own, of the adapter's shape.")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"How it is read: {', '.join(adapters())}.")
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture as well: the story, or how a policy predicts."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Six years of 200 invented people: seven partners tell of them, scores, tiers and records come out.

    It runs on a Kafka and a Postgres of its own, with a simulated clock. It ends with 1 when what came out is not what
    a recomputation from the sent events says.

    Example: goodstanding demo --keep
    """
    policies.check_all(FixedSettings.new())
    if real or data or adapter:
        _real_data(data or real_data.DATA, adapter or real_data.ADAPTER, keep, svg, as_json)
    else:
        _story(keep, svg, as_json)


def _story(keep: bool, svg: Path | None, as_json: bool) -> None:
    cast = Cast()
    screen = Console(quiet=True) if as_json else console
    if svg is not None:
        check_drawing(svg, "--svg")
        screen = Console(record=True, width=_PICTURE_COLUMNS, highlight=False, file=StringIO() if as_json else None)
    view = view_for(screen) if svg is None else Plain(screen)
    screen.print(
        f"[bold]Goodstanding[/]: seven partners, each in its own format, tell of {cast.people} invented people over "
        f"{cast.months // 12} years and {cast.months % 12} months. Four services make negative records, scores and "
        f"tiers of it, {_beside(keep)}on Apache Kafka and Postgres; the clock stops wherever something happens.",
    )
    with stops_politely(_INTERRUPTED):
        result = story.run(cast, view, keep=keep, given=given_addresses())
    if result.hero.scores:
        screen.print(ending(result.hero))
    if result.told is not None:
        screen.print(f"\n[bold]What [cyan]{result.hero.account}[/] is told now[/]\n")
        show_in_short(screen, *result.told)
    screen.print(
        f"\n{result.events:,} events sent, {result.repeated:,} of them for the second time: {result.accepted:,} "
        f"accepted, {result.refused:,} refused.\n{result.scores:,} scores, {result.tiers:,} changes of tier and "
        f"{result.records:,} of negative records published for {result.people:,} people. {result.lapsed:,} records "
        f"lapsed, to the second; {result.freed:,} people whom a court had restricted were freed. The clock stood still "
        f"at {result.instants:,} instants.",
    )
    _fail_on(result.differences)
    for each in result.disputes:
        title = KIND_OF[each.kind].title
        won = each.outcome == "deleted"
        end = "and won: it is deleted" if won else f"and lost: it is confirmed, with the statement “{each.statement}”"
        screen.print(f"[cyan]{each.account}[/] disputed a record ({title}), {end}.")
    if result.forgotten is not None:
        verdict = "is true: nothing of the person is held" if result.forgotten.is_true else "is not true"
        screen.print(f"[cyan]{result.forgotten.account}[/] asked to be erased at the end, and the receipt {verdict}.")
    screen.print(f"{_CHECKED} {result.seconds:.0f} s.")
    if svg is not None:
        picture = screen.export_svg(title="goodstanding demo")
        # The picture is read where nothing is loaded from elsewhere: the reader's own monospace does.
        svg.write_text(_LOADED_FONT.sub("", picture), encoding="utf-8")
    hero = result.hero.account
    if as_json:
        answer_json({key: hero if key == "hero" else getattr(result, key) for key in _STORY_KEYS})
        return
    _look_next(
        "goodstanding demo",
        [
            (f"goodstanding explain {hero}", "why this person's score is what it is"),
            (f"goodstanding benefits {hero}", "what it opens, and what comes next"),
            (f"goodstanding person link {hero}", "another link to the page below, which ends after an hour"),
            ("goodstanding tail tiers", "what subscribers see"),
            _OTHERS,
            ("goodstanding tail rejected bank", "what the bank is told of its bad events"),
            ("goodstanding local status", "what runs; `local down --delete` ends it"),
        ],
        [
            ("goodstanding demo --real", "six months of 15,000 real, anonymous customers"),
            ("policies/scorecard.toml", "where the points come from; change some and run it again"),
            ("policies/retention/cn.toml", "how long a record stays"),
            ("ARCHITECTURE.md", "how it works, and where is what"),
        ],
        keep,
    )
    if keep:
        _show_page(hero)


def _beside(keep: bool) -> str:
    return "beside a portal that people look at, " if keep else ""


def _show_page(account: str) -> None:
    deployment = Stack.default().deployment
    link = link_for(deployment, "person", user_id_of(account, deployment.settings), _PAGE_HOURS)
    console.print(f"\n[bold]The page that [cyan]{account}[/] has[/], for the next {_PAGE_HOURS:.0f} hours\n")
    console.print(f"  {link}", soft_wrap=True, highlight=False)


def _in_order(told: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: told[key] for key in keys}


def _real_data(data: Path, adapter: str, keep: bool, svg: Path | None, as_json: bool) -> None:
    if svg is not None:
        check_drawing(svg, "--svg")
    # The policy that is used at the end: a fault in it is told now, and not after all months.
    policies.scorecard(LEARNED_POLICY)
    source = source_of(data, adapter)
    screen = Console(quiet=True) if as_json else console
    screen.print(
        f"[bold]Goodstanding[/]: {len(source.months)} months of {len(source.people):,} card customers become a bank's "
        f"events; four services make records, scores and tiers of them, {_beside(keep)}on Apache Kafka and Postgres.",
        soft_wrap=not console.is_terminal,
    )
    with stops_politely(_INTERRUPTED):
        result = real_data.run(source, screen, keep=keep, given=given_addresses())
    if as_json:
        _fail_on(result.differences)
        answer_json(_in_order(asdict(result), _REAL_DATA_KEYS))
        return
    _show(result)
    _fail_on(result.differences)
    prose(f"{_CHECKED} {result.seconds:.0f} s.")
    _backtest(data, adapter, svg)
    _look_next(
        "goodstanding demo --real",
        [
            (f"goodstanding explain {result.example}", "why this person's score is what it is"),
            ("goodstanding tail scores", "what subscribers see"),
            _OTHERS,
            ("goodstanding tail rejected bank", "what the bank is told of its bad events"),
            ("goodstanding local status", "what runs; `local down --delete` ends it"),
        ],
        [
            ("goodstanding backtest --help", "the same for any policy, without a server"),
            ("policies/credit-card.toml", "the policy that was learned; `goodstanding policy fit` learns it again"),
            ("policies/scorecard.toml", "where the points come from; change some and run it again"),
            ("partners/bank.toml", "how the bank's format is read"),
            ("ARCHITECTURE.md", "how it works, and where is what"),
        ],
        keep,
    )
    if keep and result.example:
        _show_page(result.example)


def _backtest(data: Path, adapter: str, svg: Path | None) -> None:
    """The policy that was learned from such data, on the same people."""
    prose("\n[bold]The same customers, scored by a policy that was learned from such customers[/]")
    found = backtest.backtested(data, adapter, LEARNED_POLICY)
    backtest.show(found)
    if svg is not None:
        svg.write_text(plot.svg(found), encoding="utf-8")
        prose(f"As a picture: {svg}")


def _show(result: real_data.Result) -> None:
    console.print("\n[bold]The last scores, and what happened in the month after[/]")
    console.print(band_table(result.bands))
    refused = ", ".join(f"{count:,} {code}" for code, count in sorted(result.refused.items()))
    prose(
        f"\n{result.events:,} events sent, {result.repeated:,} of them for the second time: "
        f"{result.accepted:,} accepted, {sum(result.refused.values()):,} refused ({refused}).\n"
        f"{result.scores:,} scores published for {result.people:,} people, {result.tiers:,} changes of tier and "
        f"{result.records:,} of negative records."
    )


def _fail_on(differences: list[str]) -> None:
    if differences:
        first = "\n  ".join(differences[:_DIFFERENCES_SHOWN])
        fail(
            f"{len(differences)} totals are not what was sent, which is a bug of the platform or of the recomputation. "
            f"Run it with --keep to look around in it. The first ones:\n  {first}"
        )


def _look_next(again: str, running: list[tuple[str, str]], always: list[tuple[str, str]], keep: bool) -> None:
    """`running` are what can be looked at while everything stays up; `again` is the command that it came from."""
    ended = [
        (f"{again} --keep", "the same, and everything stays up to look around in"),
        ("goodstanding local up", "an empty platform, for events of your own"),
    ]
    hints = Table(box=None, pad_edge=False, show_header=False)
    hints.add_column(no_wrap=True)
    hints.add_column()
    for what, why in (*(running if keep else ended), *always):
        hints.add_row(f"  {pasted(what)}", why)
    console.print("\n[bold]Where to look next[/]")
    console.print(hints)
