"""The drawings of an explanation, as SVG without script or style from elsewhere: a radar of the five dimensions, and
the score's history over the tiers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from html import escape
from math import cos, pi, sin

from goodstanding.person.explained import Dimension, Explained, Moved
from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language
from services.scorer.core.scorecard_parts import BASE, POINTS

INK, PALE, LINE, FILL, UNKNOWN = "#1f2933", "#7b8794", "#d9e2ec", "#0f766e", "#f0b429"
FONT = "system-ui, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_RINGS = 4
BEST = BASE + POINTS


def radar(dimensions: Sequence[Dimension], labels: tuple[str, str]) -> str:
    """How far each dimension is filled, and, paler, how far it would be were all known and good. `labels` are the words
    for the two."""
    width, height, x, y, radius = 460, 330, 230, 165, 105
    at = [(-pi / 2 + 2 * pi * index / len(dimensions)) for index in range(len(dimensions))]

    def point(angle: float, share: float, beyond: float = 0) -> tuple[float, float]:
        return x + (radius * share + beyond) * cos(angle), y + (radius * share + beyond) * sin(angle)

    def polygon(shares: Sequence[float], style: str) -> str:
        corners = " ".join(f"{px:.1f},{py:.1f}" for px, py in (point(a, s) for a, s in zip(at, shares, strict=True)))
        return f'<polygon points="{corners}" {style}/>'

    parts = [polygon([(ring + 1) / _RINGS] * len(at), f'fill="none" stroke="{LINE}"') for ring in range(_RINGS)]
    for angle in at:
        px, py = point(angle, 1)
        parts.append(f'<line x1="{x}" y1="{y}" x2="{px:.1f}" y2="{py:.1f}" stroke="{LINE}"/>')
    possible = [_part(d.points + d.not_known, d.share) for d in dimensions]
    parts.append(polygon(possible, f'fill="{UNKNOWN}" fill-opacity=".18" stroke="{UNKNOWN}" stroke-dasharray="4 3"'))
    reached = [_part(d.points, d.share) for d in dimensions]
    parts.append(polygon(reached, f'fill="{FILL}" fill-opacity=".35" stroke="{FILL}" stroke-width="2"'))
    for angle, dimension in zip(at, dimensions, strict=True):
        px, py = point(angle, 1, 14)
        anchor = "middle" if abs(cos(angle)) < 0.1 or sin(angle) > 0.5 else "start" if cos(angle) > 0 else "end"
        lift = -14 if sin(angle) < -0.9 else 12 if sin(angle) > 0.5 else 0
        parts.append(_text(px, py + lift, dimension.name, anchor=anchor, weight=600))
        parts.append(_text(px, py + lift + 15, f"{dimension.points} / {dimension.share}", anchor=anchor, color=PALE))
    for index, (label, color) in enumerate(zip(labels, (FILL, UNKNOWN), strict=True)):
        left = 120 + index * 130
        parts.append(
            f'<rect x="{left}" y="{height - 18}" width="11" height="11" rx="2" fill="{color}" fill-opacity=".6"/>'
        )
        parts.append(_text(left + 17, height - 8, label, color=PALE))
    return _svg(width, height, parts)


def _part(points: int, share: int) -> float:
    return min(1.0, max(0.02, points / share)) if share else 0.0


_NEAR = 40
"""How much of the line's width lies beside the last number."""


def line(history: Sequence[Moved], tiers: TierTable, language: Language) -> str:
    """The scores from 350 to 950 by their day; a dashed line for each tier."""
    width, height, left, right, top, bottom = 560, 320, 46, 104, 16, 30
    days = [moved.as_of.date() for moved in history]
    first, span = days[0], max((days[-1] - days[0]).days, 1)

    def at(day: date) -> float:
        return left + (width - left - right) * ((day - first).days / span if len(days) > 1 else 0.5)

    def up(score: int) -> float:
        return top + (height - top - bottom) * (BEST - score) / POINTS

    def across(y: float, style: str) -> str:
        return f'<line x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}" {style}/>'

    parts = []
    for score in range(BASE, BEST + 1, 100):
        parts.append(_text(left - 8, up(score) + 4, str(score), anchor="end", color=PALE))
        parts.append(across(up(score), f'stroke="{LINE}" stroke-opacity=".6"'))
    for tier in tiers.tiers:
        parts.append(across(up(tier.from_score), f'stroke="{PALE}" stroke-dasharray="3 4"'))
        parts.append(_text(width - right + 8, up(tier.from_score) + 4, tier.called(language), color=PALE))
    spots = [(at(moved.as_of.date()), up(moved.score), moved) for moved in history]
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in spots)
    style = f'fill="none" stroke="{FILL}" stroke-width="2.5" stroke-linejoin="round"'
    parts.append(f'<polyline points="{corners}" {style}/>')
    for x, y, moved in spots:
        title = f"<title>{moved.as_of.date()}: {moved.score}</title>"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{FILL}">{title}</circle>')
    x, y, last = spots[-1]
    # On the side from which the line does not come.
    near = [height for place, height, _ in spots if x - place < _NEAR]
    beside = 18 if sum(near) / len(near) < y else -9
    parts.append(_text(x - 6, y + beside, str(last.score), anchor="end", weight=700, color=FILL))
    for x, label in _dates(days, at(days[0]), at(days[-1])):
        parts.append(_text(x, height - 8, label, anchor="middle", color=PALE))
    return _svg(width, height, parts, "history")


def _dates(days: Sequence[date], start: float, end: float) -> Iterator[tuple[float, str]]:
    yield start, f"{days[0]:%Y-%m}"
    if (days[-1] - days[0]).days > 60:
        middle = days[0] + (days[-1] - days[0]) / 2
        yield (start + end) / 2, f"{middle:%Y-%m}"
    if days[-1] != days[0]:
        yield end, f"{days[-1]:%Y-%m}"


def card(found: Explained, tiers: TierTable, labels: tuple[str, str], language: Language) -> str:
    """Both drawings in one, side by side."""
    dimensions = found.dimensions
    parts = [f'<svg x="0" y="10" width="460" height="330">{radar(dimensions, labels)}</svg>'] if dimensions else []
    left = 460 if dimensions else 0
    parts.append(f'<svg x="{left}" y="16" width="560" height="320">{line(found.history, tiers, language)}</svg>')
    return _svg(left + 560, 350, [f'<rect width="{left + 560}" height="350" fill="#ffffff"/>', *parts])


def _text(x: float, y: float, text: str, *, anchor: str = "start", color: str = INK, weight: int = 400) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}" font-size="12" font-weight="{weight}">'
        f"{escape(text)}</text>"
    )


def _svg(width: int, height: int, parts: Sequence[str], name: str = "drawing") -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" class="{name}" role="img" '
        f'font-family="{escape(FONT)}">\n{body}\n</svg>'
    )
