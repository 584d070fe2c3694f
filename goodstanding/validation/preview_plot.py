"""A preview as a picture: how scores are spread by both scorecards, and by how much they change, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain

from goodstanding.simulation.real_data.bands import BAND_POINTS
from goodstanding.validation.drawing import APART, BARS, LEFT, SCORE, SIDE, TOP, bar, document, frame, rounded_up, text
from goodstanding.validation.preview import Found, bands
from services.scorer.core.scorecard import Scorecard

_CHANGE_POINTS = 20
_LABELS_MAX = 9


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
    before, after = (bands(counts) for counts in found.scores)
    people = found.all.people
    whole = rounded_up(max(*before.values(), *after.values()) / people)
    yield from frame(left, "People by score", "score", "share of people, grey: now, blue: new", whole)
    lows = range(min(before | after), max(before | after) + 1, BAND_POINTS)
    step = SIDE / len(lows)
    for place, low in enumerate(lows):
        at = left + place * step
        yield bar(at + 2, before.get(low, 0) / people / whole, step - 4, BARS)
        yield bar(at + step / 3, after.get(low, 0) / people / whole, step / 3, SCORE)
        yield text(at + step / 2, TOP + SIDE + 15, str(low), anchor="middle", size=10)


def _changes(found: Found, left: int) -> Iterator[str]:
    steps = _in_steps(found.changes)
    whole = rounded_up(max(steps.values()) / found.all.people)
    beside = f"share of people, in steps of {_CHANGE_POINTS} points"
    yield from frame(left, "People by change", "points more or less", beside, whole)
    # As far down as up, so that no change stands in the middle.
    most = max(1, -min(steps), max(steps))
    width = SIDE / (2 * most + 1)
    every = -(-(2 * most + 1) // _LABELS_MAX)
    for place, low in enumerate(range(-most, most + 1)):
        at = left + place * width
        yield bar(at + 1, steps.get(low, 0) / found.all.people / whole, max(width - 2, 0.5), SCORE)
        if low % every == 0:
            label = f"{low * _CHANGE_POINTS:+}" if low else "0"
            yield text(at + width / 2, TOP + SIDE + 15, label, anchor="middle", size=10)


def _in_steps(changes: Mapping[int, int]) -> Mapping[int, int]:
    """Rounded to the nearest step, so that no change stands in the middle of one."""
    found: Counter[int] = Counter()
    for change, people in changes.items():
        found[round(change / _CHANGE_POINTS)] += people
    return found
