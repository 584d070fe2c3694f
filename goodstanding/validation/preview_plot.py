"""A preview as a picture: how scores are spread by both scorecards, and by how much they change, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain

from goodstanding.simulation.real_data.bands import BAND_POINTS
from goodstanding.validation.drawing import APART, BARS, LEFT, SCORE, SIDE, TOP, bar, document, frame, text
from goodstanding.validation.preview import Found, bands
from services.scorer.core.scorecard import Scorecard

_CHANGE_POINTS = 20


def svg(found: Found, old: Scorecard, new: Scorecard) -> str:
    """The whole document, the same for the same preview."""
    everybody = found.all
    headline = (
        f"{everybody.up:,} up, {everybody.down:,} down, mean {everybody.mean_old:.0f} to {everybody.mean_new:.0f}, "
        f"PSI {found.stability:.3f}"
    )
    title = f"{old.id} to {new.id}: {everybody.people:,} people"
    return document(2, title, headline, chain(_spread(found, LEFT), _changes(found, LEFT + APART)))


def _spread(found: Found, left: int) -> Iterator[str]:
    yield from frame(left, "People by score", "score", "grey: now, blue: new")
    before, after = (bands(counts) for counts in found.scores)
    lows = range(min(before | after), max(before | after) + 1, BAND_POINTS)
    step = SIDE / len(lows)
    for place, low in enumerate(lows):
        at = left + place * step
        yield bar(at + 2, before.get(low, 0) / found.all.people, step - 4, BARS)
        yield bar(at + step / 3, after.get(low, 0) / found.all.people, step / 3, SCORE)
        yield text(at + step / 2, TOP + SIDE + 15, str(low), anchor="middle", size=10)


def _changes(found: Found, left: int) -> Iterator[str]:
    yield from frame(left, "People by change", "points more or less", f"in steps of {_CHANGE_POINTS} points")
    steps = _in_steps(found.changes)
    lows = range(min(steps), max(steps) + 1)
    width = SIDE / len(lows)
    for place, low in enumerate(lows):
        yield bar(left + place * width + 1, steps.get(low, 0) / found.all.people, max(width - 2, 0.5), SCORE)
    for low in (min(steps), max(steps)):
        at = left + (low - min(steps) + 0.5) * width
        yield text(at, TOP + SIDE + 15, f"{low * _CHANGE_POINTS:+}", anchor="middle", size=10)


def _in_steps(changes: Mapping[int, int]) -> Mapping[int, int]:
    """Rounded to the nearest step, so that no change stands in the middle of one."""
    found: Counter[int] = Counter()
    for change, people in changes.items():
        found[round(change / _CHANGE_POINTS)] += people
    return found
