"""A backtest as a picture: the curve, the bands and the calibration side by side, as SVG without anything to load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from goodstanding.validation.backtest import Report
from goodstanding.validation.measures import roc

_WIDTH, _HEIGHT = 1_080, 400
_SIDE, _TOP, _APART = 260, 84, 354
_LEFT = 56
_INK, _FAINT, _SCORE, _BARS = "#222", "#bbb", "#0a6ebd", "#c9d9e8"
_NOTHING = "#fff"


def svg(report: Report) -> str:
    """The whole document, the same for the same report."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="{_INK}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="{_NOTHING}"/>',
        _text(_LEFT, 28, f"{report.policy}: {report.people:,} people, {report.month}", size=16),
        _text(_LEFT, 48, _headline(report)),
        *_curve(report, _LEFT),
        *_bands(report, _LEFT + _APART),
        *_calibration(report, _LEFT + 2 * _APART),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _headline(report: Report) -> str:
    named = (("AUC", report.power.auc), ("KS", report.power.ks), ("Gini", report.power.gini))
    return "   ".join(f"{name} {each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for name, each in named)


def _curve(report: Report, left: int) -> Iterator[str]:
    yield from _frame(left, "Defaults found, of all", "share of those without default", "share of those with one")
    yield _line([(left, _TOP + _SIDE), (left + _SIDE, _TOP)], _FAINT)
    yield _line([(left + x * _SIDE, _TOP + (1 - y) * _SIDE) for x, y in roc(report.places)], _SCORE)


def _bands(report: Report, left: int) -> Iterator[str]:
    yield from _frame(left, "Default rate by score", "score", "blue: default rate, grey: share of people")
    step = _SIDE / len(report.bands)
    for place, band in enumerate(report.bands):
        at = left + place * step
        yield _bar(at + 2, band.people / report.people, step - 4, _BARS)
        yield _bar(at + step / 3, band.default_rate, step / 3, _SCORE)
        yield _text(at + step / 2, _TOP + _SIDE + 15, str(band.low), anchor="middle", size=10)


def _calibration(report: Report, left: int) -> Iterator[str]:
    yield from _frame(left, "Calibration, by tenths", "expected default rate", "default rate")
    yield _line([(left, _TOP + _SIDE), (left + _SIDE, _TOP)], _FAINT)
    for part in report.calibration.parts:
        x, y = left + part.expected_rate * _SIDE, _TOP + (1 - part.default_rate) * _SIDE
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{_SCORE}"/>'


def _frame(left: int, title: str, below: str, beside: str) -> Iterator[str]:
    """A square from 0 to 1 both ways."""
    yield _text(left, _TOP - 10, title, size=13)
    yield f'<rect x="{left}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="{_FAINT}"/>'
    for percent in (0, 50, 100):
        yield _text(left - 6, _TOP + _SIDE - percent / 100 * _SIDE + 4, f"{percent} %", anchor="end", size=10)
    yield _text(left + _SIDE / 2, _TOP + _SIDE + 34, below, anchor="middle")
    yield _text(left + _SIDE, _TOP - 10, beside, anchor="end", size=10)


def _bar(x: float, share: float, width: float, fill: str) -> str:
    height = share * _SIDE
    return (
        f'<rect x="{x:.1f}" y="{_TOP + _SIDE - height:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'
    )


def _line(points: Sequence[tuple[float, float]], stroke: str) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{told}" fill="none" stroke="{stroke}" stroke-width="2"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(text)}</text>'
