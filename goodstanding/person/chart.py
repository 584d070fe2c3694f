"""A person's score over time as a chart of characters: a column for each month, as high as its last score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from rich.text import Text

from services.scorer.core.scorecard_parts import BASE, POINTS
from shared.contracts.months import month_number

BEST = BASE + POINTS
ROWS = 12
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LABEL = 5


class Scored(Protocol):
    """A score and its instant, in the zone in which months are counted."""

    @property
    def as_of(self) -> datetime: ...

    @property
    def score(self) -> int: ...


def chart(scores: Sequence[Scored], tiers: Mapping[int, str], styles: Sequence[str]) -> Text:
    """The scores of one person, in order, from 350 to 950. `tiers` are names by the score at which each begins; a
    column has the style of the tier that its score reaches, the first style being that of none."""
    months, columns = _columns(scores)
    starts = sorted(tiers)
    text = Text(no_wrap=True)
    for row in range(ROWS - 1, -1, -1):
        low, high = _edge(row), _edge(row + 1)
        begins = next((start for start in starts if low <= start < high), None)
        text.append(f"{begins} ┤" if begins else "    │", style="dim")
        for score in columns:
            style = styles[sum(1 for start in starts if start <= score)]
            text.append(_cell(score, low, high), style=style)
        text.append("\n")
    text.append(" " * (_LABEL - 1) + "└" + "─" * len(columns) + "\n", style="dim")
    text.append(" " * _LABEL + _years(months) + "\n\n", style="dim")
    text.append(" " * _LABEL)
    for start, style in zip(starts, styles[1:], strict=True):
        text.append("█", style=style)
        text.append(f" {tiers[start]} {start}+   ")
    return text


def _columns(scores: Sequence[Scored]) -> tuple[range, list[int]]:
    """The months, and the last score of each; a month without one keeps that of the month before."""
    last = {month_number(news.as_of): news.score for news in scores}
    months = range(min(last), max(last) + 1)
    columns: list[int] = []
    for month in months:
        columns.append(last.get(month, columns[-1] if columns else BASE))
    return months, columns


def _edge(row: int) -> int:
    return BASE + (BEST - BASE) * row // ROWS


def _cell(score: int, low: int, high: int) -> str:
    """The part of a column that lies between two scores; whoever has any score at all is seen in the lowest row."""
    eighths = (min(score, high) - low) * 8 // (high - low)
    return _EIGHTHS[max(eighths, 1 if low == BASE else 0)]


def _years(months: range) -> str:
    """The year below each January, as far as there is room."""
    line = ""
    for column, month in enumerate(months):
        if month % 12 == 0 and column >= len(line):
            line = line.ljust(column) + str(month // 12)
    return line
