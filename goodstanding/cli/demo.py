"""`demo`: the main job, shown from beginning to end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goodstanding.adapters import adapters
from goodstanding.cli.frame import console, fail, prose, stops_politely
from goodstanding.demo.run import ADAPTER, DATA, Result, run
from goodstanding.demo.view import band_table
from goodstanding.errors import UserError
from goodstanding.stack import given_addresses

_DIFFERENCES_SHOWN = 5


def demo(
    data: Annotated[Path, typer.Option(help="A file of the adapter's shape.", show_default=False)] = DATA,
    adapter: Annotated[str, typer.Option(help=f"One of: {', '.join(adapters())}.")] = ADAPTER,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running, to look around.")] = False,
) -> None:
    """Six months of 15,000 card customers: events in, scores out, on a Kafka and a Postgres of its own.

    It ends with 1 when what came out is not what a recomputation from the sent events says.

    Example: goodstanding demo --keep
    """
    if adapter not in adapters():
        raise typer.BadParameter(f"There is no adapter {adapter}; say one of: {', '.join(adapters())}.")
    try:
        source = adapters()[adapter](data)
    except OSError as error:
        raise UserError(f"{data} cannot be read: {error.strerror}.", "Name a file with --data.") from None
    prose(
        f"[bold]Goodstanding[/]: {len(source.months)} months of {len(source.people):,} card customers become a bank's "
        "events; four services make records, scores and tiers of them, on Apache Kafka and Postgres."
    )
    with stops_politely("Interrupted; everything that the demo had started is stopped. Start it again any time."):
        result = run(source, console, keep=keep, given=given_addresses())
    _show(result)
    if result.differences:
        first = "\n  ".join(result.differences[:_DIFFERENCES_SHOWN])
        fail(f"{len(result.differences)} totals are not what was sent. This is a bug; the first ones:\n  {first}")
    _look_next(result, keep)


def _show(result: Result) -> None:
    console.print("\n[bold]The last scores, and what happened in the month after[/]")
    console.print(band_table(result.bands))
    refused = ", ".join(f"{count:,} {code}" for code, count in sorted(result.refused.items()))
    prose(
        f"\n{result.events:,} events sent, {result.repeated:,} of them for the second time: "
        f"{result.accepted:,} accepted, {sum(result.refused.values()):,} refused ({refused}).\n"
        f"{result.scores:,} scores published for {result.people:,} people, {result.tiers:,} changes of tier and "
        f"{result.records:,} of negative records."
    )


def _look_next(result: Result, keep: bool) -> None:
    prose(
        "[green]Checked[/]: the accepted and refused events and every change of a score, tier and record equal a "
        f"recomputation from the sent events. {result.seconds:.0f} s."
    )
    lines = [
        "\n[bold]Where to look next[/]",
        f"  goodstanding explain {result.example}   why this person's score is what it is",
        "  goodstanding tail scores                what subscribers see",
        "  goodstanding tail rejected bank         what the bank is told of its bad events",
        "  goodstanding local status               what runs, and where; `local down --delete` ends it",
    ]
    if not keep:
        lines[1:] = [
            "  goodstanding demo --keep        the same, and everything stays up to look around in",
            "  goodstanding local up           an empty platform, for events of your own",
        ]
    lines += [
        "  policies/scorecard.toml         where the points come from; change some and run the demo again",
        "  partners/bank.toml              how the bank's format is read",
        "  ARCHITECTURE.md                 how it works, and where is what",
    ]
    console.print("\n".join(lines), soft_wrap=True)
