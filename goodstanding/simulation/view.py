"""What the demo shows while it runs: a live view in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from goodstanding.simulation.real_data.bands import Band

_REFRESH_EVERY_S = 0.1
_BAR_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class Now:
    """The present state: the clock's day, what is going on, totals so far, and what a service has still to do. `heard`
    are the messages that a subscriber has had, by topic."""

    day: date
    doing: str
    events: int
    refused: int
    heard: Mapping[str, int]
    lag: str


@dataclass(frozen=True, slots=True)
class Done:
    """A month or year that is over: what was sent and refused in it, what came of it, and how long it took."""

    span: str
    events: int
    refused: int
    scores: int
    tiers: int
    records: int
    seconds: float


class View(Protocol):
    """Enter it, tell it, leave it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def step(self, sentence: str) -> None:
        """Something longer begins."""

    def show(self, now: Now) -> None:
        """Called often; cheap."""

    def done(self, span: Done) -> None: ...


def view_for(console: Console) -> View:
    """The live one in a terminal, else the plain one."""
    return _Live(console) if console.is_terminal else Plain(console)


class Plain:
    """A line for each step and for each month or year."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def step(self, sentence: str) -> None:
        self._print(sentence)

    def show(self, now: Now) -> None: ...

    def done(self, span: Done) -> None:
        self._print(
            f"{span.span}: {span.events:,} events in, {span.refused:,} refused; {span.scores:,} scores, "
            f"{span.tiers:,} changes of tier and {span.records:,} of records published ({span.seconds:.1f} s)"
        )

    def _print(self, line: str) -> None:
        # At once, also into a pipe: whoever watches a log file wants to see that it goes on.
        self._console.print(line, soft_wrap=True)
        self._console.file.flush()


class _Live:
    """A table of what is over, and under it what is going on."""

    def __init__(self, console: Console) -> None:
        self._spans = Table(box=None, pad_edge=False, header_style="bold")
        self._spans.add_column("", min_width=10)
        for name in ("events in", "refused", "scores", "tiers", "records", "seconds"):
            self._spans.add_column(name, justify="right", min_width=7)
        self._spinner = Spinner("dots")
        self._words = Text()
        self._shown_at = 0.0
        # It asks for the first picture at once.
        self._live = Live(console=console, auto_refresh=True, refresh_per_second=8, get_renderable=self._picture)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._words = Text()
        self._live.stop()

    def step(self, sentence: str) -> None:
        self._words = Text(sentence)

    def show(self, now: Now) -> None:
        # Building the text costs more than the look at the services that it tells of.
        if time.monotonic() - self._shown_at < _REFRESH_EVERY_S:
            return
        self._shown_at = time.monotonic()
        heard = "  ".join(f"{topic.partition('.')[0]} {count:,}" for topic, count in now.heard.items())
        self._words = Text.assemble(
            (f"{now.day:%-d %B %Y}", "bold"),
            f"  {now.doing}\n  events {now.events:,}  refused {now.refused:,}  {heard}  lag {now.lag}",
        )

    def done(self, span: Done) -> None:
        counts = (span.events, span.refused, span.scores, span.tiers, span.records)
        self._spans.add_row(span.span, *(f"{count:,}" for count in counts), f"{span.seconds:.1f}")

    def _picture(self) -> Group:
        parts: list[Table | Spinner] = [self._spans] if self._spans.row_count else []
        if self._words:
            self._spinner.update(text=self._words)
            parts.append(self._spinner)
        return Group(*parts)


def band_table(bands: Sequence[Band]) -> Table:
    """Bands of scores: how many people, and how many of them defaulted in the month after."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("score", "people", "share", "defaulted"):
        table.add_column(name, justify="right" if name != "score" else "left", min_width=9)
    table.add_column("default rate")
    everybody, highest = sum(band.people for band in bands), max((band.default_rate for band in bands), default=0)
    for band in bands:
        bar = "█" * max(round(band.default_rate / highest * _BAR_CHARACTERS), 0) if highest else ""
        table.add_row(
            f"{band.low}-{band.high}",
            f"{band.people:,}",
            f"{band.people / everybody:.1%}",
            f"{band.defaulted:,}",
            f"{band.default_rate:6.1%} {bar}",
        )
    return table
