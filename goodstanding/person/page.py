"""An explanation as one page of HTML: nothing in it comes from elsewhere, and nothing in it runs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from html import escape

from goodstanding.person import charts
from goodstanding.person.explained import Explained
from goodstanding.person.phrases import phrase, signed
from goodstanding.person.told import cause_lines, record_line
from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language, day

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 FONT; color: #1f2933; background: #f5f7fa; margin: 0; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
section, header { background: #fff; border: 1px solid #e4e7eb; border-radius: 12px; margin: 0 0 18px; }
section, header { padding: 20px 24px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 6px 22px; }
.number { font-size: 56px; font-weight: 700; line-height: 1; color: #0f766e; }
.tier { font-size: 22px; font-weight: 600; }
.quiet { color: #7b8794; font-size: 14px; }
.whole { flex-basis: 100%; }
h2 { font-size: 17px; margin: 0 0 10px; }
svg + h2 { margin-top: 18px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)); gap: 18px; }
.pair > section { margin: 0; }
.pair { margin-bottom: 18px; }
ul { margin: 0; padding: 0; list-style: none; }
li { display: flex; gap: 14px; padding: 6px 0; border-top: 1px solid #f0f2f5; }
li:first-child { border-top: 0; }
.points { flex: 0 0 3.4em; text-align: right; font-variant-numeric: tabular-nums; font-weight: 600; }
.up { color: #0f766e; } .down { color: #b42318; } .zero { color: #7b8794; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { text-align: left; font-weight: 600; color: #52606d; padding: 4px 12px 4px 0; }
td { padding: 5px 12px 5px 0; border-top: 1px solid #f0f2f5; vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { width: 100%; height: auto; display: block; }
details summary { cursor: pointer; font-weight: 600; font-size: 17px; }
@media print { body { background: #fff; } section, header { break-inside: avoid; border-color: #cbd2d9; } }
"""


def page(found: Explained, tiers: TierTable, language: Language, zone: tzinfo) -> str:
    """The whole document. It names no person: whose score it is, its owner knows."""
    style = _STYLE.replace("FONT", charts.FONT)
    body = "\n".join(_sections(found, tiers, language, zone))
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(phrase('title', language))} {found.score}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _sections(found: Explained, tiers: TierTable, language: Language, zone: tzinfo) -> Iterator[str]:
    yield _header(found, language, zone)
    drawings = []
    if found.dimensions:
        labels = (phrase("points", language), phrase("not_known", language))
        drawings.append(
            _section(phrase("sums", language), charts.radar(found.dimensions, labels) + _sums(found, language))
        )
    drawings.append(
        _section(phrase("history", language), charts.line(found.history, tiers) + _moved(found, language, zone))
    )
    yield f'<div class="pair">{"".join(drawings)}</div>'
    key = _list((reason.points - reason.best, reason.sentence) for reason in found.key_reasons)
    yield _section(phrase("key", language), key or _quiet(phrase("key_none", language)))
    if found.obstacles:
        yield _section(phrase("why", language), _plain_list(found.obstacles))
    if found.hints is not None:
        yield _section(phrase("hints", language), _hints(found, language))
    if found.records:
        told = [record_line(record, found.currency, language) for record in found.records]
        yield _section(phrase("records", language), _plain_list(told))
    summary = f"<summary>{escape(phrase('items', language))}</summary>"
    yield f"<section><details>{summary}{_items(found, language)}</details></section>"


def _header(found: Explained, language: Language, zone: tzinfo) -> str:
    last = found.history[-1]
    told = [f'<span class="number">{found.score}</span>']
    told.append(f'<span class="tier">{escape(found.tier or phrase("no_tier", language))}</span>')
    if (tier := found.next_tier) is not None:
        values = {"name": tier.name, "begins_at": tier.begins_at, "missing": tier.missing}
        told.append(f"<span>{escape(phrase('next_tier', language, **values))}</span>")
    notes = [day(last.as_of.astimezone(zone).date(), language)]
    notes.append(phrase("made_by", language, version=last.version, policy=found.policy))
    notes += [phrase("thin", language)] if found.thin else []
    notes += [phrase("restricted", language, codes=", ".join(found.restrictions))] if found.restrictions else []
    told.append(f'<span class="quiet whole">{escape(" · ".join(notes))}</span>')
    return f"<header>{''.join(told)}</header>"


def _sums(found: Explained, language: Language) -> str:
    rows = [(phrase("base", language), found.base, "", "")]
    for dimension in found.dimensions:
        lost = f"{dimension.lost} {phrase('lost', language)}" if dimension.lost else ""
        unknown = f"{dimension.not_known} {phrase('not_known', language)}" if dimension.not_known else ""
        rows.append((dimension.name, dimension.points, lost, unknown))
    if found.bounds:
        rows.append((phrase("bounds", language), found.bounds, "", ""))
    rows.append((phrase("total", language), found.score, "", ""))
    return _table((), rows, numbers=(1,))


def _moved(found: Explained, language: Language, zone: tzinfo) -> str:
    if len(found.history) < 2:
        return _quiet(phrase("moved_first", language))
    before, last = found.history[-2:]
    since = day(before.as_of.astimezone(zone).date(), language)
    heading = phrase("moved", language, day=since, change=signed(last.change))
    causes = _list(cause_lines(last, language))
    return f"<h2>{escape(heading)}</h2>{causes or _quiet(phrase('moved_none', language))}"


def _hints(found: Explained, language: Language) -> str:
    lines = []
    for hint in found.hints or ():
        values = {"score": hint.score, "without": hint.score - hint.points, "day": day(hint.on, language)}
        lines.append((hint.points, f"{hint.sentence} {phrase('hint', language, **values)}"))
    told = _list(lines) or _quiet(phrase("hints_none", language))
    if lines and (tier := found.next_tier) is not None:
        name = "reached_by" if tier.reached_by else "reached_by_none"
        told += _quiet(phrase(name, language, name=tier.name, sentence=tier.reached_by))
    return told


def _items(found: Explained, language: Language) -> str:
    columns = [phrase(name, language) for name in ("points", "best", "lost", "not_known", "reason")]
    rows = [(r.points, r.best, r.lost or "", r.not_known or "", r.sentence) for r in found.reasons]
    return _table(columns, rows, numbers=(0, 1, 2, 3))


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{body}</section>"


def _list(lines: Iterator[tuple[int, str]] | Sequence[tuple[int, str]]) -> str:
    items = [
        f'<li><span class="points {_sign(points)}">{signed(points)}</span><span>{escape(text)}</span></li>'
        for points, text in lines
    ]
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _plain_list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li><span>{escape(text)}</span></li>' for text in lines)}</ul>"


def _sign(points: int) -> str:
    return "up" if points > 0 else "down" if points < 0 else "zero"


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[int]) -> str:
    def cells(row: Sequence[object], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if index in numbers else ''}>{escape(str(cell))}</{tag}>"
            for index, cell in enumerate(row)
        )

    head = f"<tr>{cells(columns, 'th')}</tr>" if columns else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table>{head}{body}</table>"
