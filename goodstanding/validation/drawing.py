"""The parts of a picture: squares from 0 to 1 beside one another, as SVG without anything to load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

SIDE, TOP, APART, LEFT = 260, 104, 354, 56
HEIGHT = 420
INK, FAINT, SCORE, BARS = "#222", "#bbb", "#0a6ebd", "#c9d9e8"
_NOTHING = "#fff"


def document(squares: int, title: str, headline: str, parts: Iterable[str]) -> str:
    """The whole document, the same for the same parts."""
    width = LEFT + squares * APART - 38
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="{INK}">',
        f'<rect width="{width}" height="{HEIGHT}" fill="{_NOTHING}"/>',
        text(LEFT, 28, title, size=16),
        text(LEFT, 48, headline),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def frame(left: int, title: str, below: str, beside: str, whole: float = 1) -> Iterator[str]:
    """A square, from 0 to `whole` upwards. What is drawn in it is divided by that."""
    yield text(left, TOP - 26, title, size=13)
    yield text(left, TOP - 9, beside, size=10)
    yield f'<rect x="{left}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{FAINT}"/>'
    for percent in (0, 50, 100):
        yield text(left - 6, TOP + SIDE - percent / 100 * SIDE + 4, f"{percent * whole:g} %", anchor="end", size=10)
    yield text(left + SIDE / 2, TOP + SIDE + 34, below, anchor="middle")


def rounded_up(share: float) -> float:
    """The least of a few round shares that is no less: how far a square need reach."""
    return next((whole for whole in (0.1, 0.2, 0.4, 0.6) if share <= whole), 1)


def bar(x: float, share: float, width: float, fill: str) -> str:
    height = share * SIDE
    return f'<rect x="{x:.1f}" y="{TOP + SIDE - height:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def line(points: Sequence[tuple[float, float]], stroke: str) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{told}" fill="none" stroke="{stroke}" stroke-width="2"/>'


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
