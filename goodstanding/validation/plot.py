"""A backtest as a picture: the curve, the bands and the calibration side by side, as SVG without anything to load."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from goodstanding.validation.backtest import Report
from goodstanding.validation.drawing import (
    APART,
    BARS,
    FAINT,
    LEFT,
    SCORE,
    SIDE,
    TOP,
    bar,
    document,
    frame,
    line,
    text,
)
from goodstanding.validation.measures import roc


def svg(report: Report) -> str:
    """The whole document, the same for the same report."""
    title = f"{report.policy}: {report.people:,} people, {report.month}"
    if report.learned_from == "this-file":
        title += ", from whom it was learned"
    parts = (_curve(report, LEFT), _bands(report, LEFT + APART), _calibration(report, LEFT + 2 * APART))
    return document(3, title, _headline(report), chain(*parts))


def _headline(report: Report) -> str:
    named = (("AUC", report.power.auc), ("KS", report.power.ks), ("Gini", report.power.gini))
    return " · ".join(f"{name} {each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for name, each in named)


def _curve(report: Report, left: int) -> Iterator[str]:
    yield from frame(left, "Defaults found", "share of those who did not default", "share of those who defaulted")
    yield line([(left, TOP + SIDE), (left + SIDE, TOP)], FAINT)
    yield line([(left + x * SIDE, TOP + (1 - y) * SIDE) for x, y in roc(report.places)], SCORE)


def _bands(report: Report, left: int) -> Iterator[str]:
    yield from frame(left, "Default rate by score", "score", "blue: default rate, grey: share of people")
    step = SIDE / len(report.bands)
    for place, band in enumerate(report.bands):
        at = left + place * step
        yield bar(at + 2, band.people / report.people, step - 4, BARS)
        yield bar(at + step / 3, band.default_rate, step / 3, SCORE)
        yield text(at + step / 2, TOP + SIDE + 15, str(band.low), anchor="middle", size=10)


def _calibration(report: Report, left: int) -> Iterator[str]:
    yield from frame(left, "Calibration, by tenths", "expected default rate", "default rate")
    yield line([(left, TOP + SIDE), (left + SIDE, TOP)], FAINT)
    for part in report.calibration.parts:
        x, y = left + part.expected_rate * SIDE, TOP + (1 - part.default_rate) * SIDE
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{SCORE}"/>'
