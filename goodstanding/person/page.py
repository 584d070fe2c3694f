"""An explanation as one page of HTML: nothing in it comes from elsewhere, and nothing in it runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from html import escape

from goodstanding.person import charts
from goodstanding.person.explained import Explained
from goodstanding.person.phrases import phrase, signed
from goodstanding.person.told import (
    advice_line,
    missing_lines,
    moved_lines,
    moved_title,
    next_tier_line,
    outlook_line,
    record_line,
    restricted_line,
    tier_name,
)
from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language, day

STYLE = """
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
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(380px, 100%), 1fr)); gap: 18px; }
.pair > section { margin: 0; }
.pair { margin-bottom: 18px; }
ul { margin: 0; padding: 0; list-style: none; }
li { display: flex; gap: 12px; padding: 6px 0; border-top: 1px solid #f0f2f5; }
li:first-child, li.item { border-top: 0; }
li.item { padding: 2px 0 2px 2.4em; font-size: 15px; }
.points { flex: 0 0 3em; text-align: right; font-variant-numeric: tabular-nums; font-weight: 600; }
.which { flex: 0 0 7.5em; color: #616e7c; }
p { margin: 10px 0 0; }
.warning { background: #fdf3f2; border-color: #f5c6c1; }
.up { color: #0f766e; } .down { color: #b42318; } .zero { color: #7b8794; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { text-align: left; font-weight: 600; color: #52606d; padding: 4px 12px 4px 0; }
td { padding: 5px 12px 5px 0; border-top: 1px solid #f0f2f5; vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
svg { width: 100%; height: auto; display: block; }
details summary { cursor: pointer; font-weight: 600; font-size: 17px; }
footer { color: #7b8794; font-size: 13px; padding: 0 24px; }
.wide { overflow-x: auto; }
.at { white-space: nowrap; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) {
  main { padding: 14px 10px 40px; }
  section, header { padding: 16px 14px; }
  svg text { font-size: 15px; }
  svg.history text { font-size: 19px; }
  li { gap: 10px; }
  li.gap { flex-wrap: wrap; gap: 0 10px; }
  li.gap .which { flex: 1 0 50%; }
  li.gap > span:last-child { flex: 1 1 100%; }
  li.item { padding-left: 1em; }
  .items, .items tbody { display: block; }
  .items thead { display: none; }
  .items tr { display: flex; flex-wrap: wrap; gap: 2px 16px; padding: 8px 0; border-top: 1px solid #f0f2f5; }
  .items td { border: 0; padding: 0; color: #52606d; }
  .items td:last-child { order: -1; flex: 1 0 100%; color: inherit; }
  .items td:empty { display: none; }
  .items .n::before { content: attr(data-label) " "; }
}
@media print { body { background: #fff; } section, header { break-inside: avoid; border-color: #cbd2d9; } }
"""


def page(found: Explained, tiers: TierTable, language: Language, zone: tzinfo) -> str:
    """The whole document. It names no person: whose score it is, its owner knows."""
    style = STYLE.replace("FONT", charts.FONT)
    body = "\n".join(sections(found, tiers, language, zone))
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(phrase('title', language))} {found.score}</title>\n<style>{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def sections(
    found: Explained, tiers: TierTable, language: Language, zone: tzinfo, *, lists_records: bool = True
) -> Iterator[str]:
    """The parts of the page. Whoever shows each record in full leaves the list of them out."""
    yield _header(found, language, zone)
    if found.restrictions:
        yield f'<section class="warning">{escape(restricted_line(found, language))}</section>'
    drawings = []
    if found.dimensions:
        labels = (phrase("points", language), phrase("not_known", language))
        drawings.append(
            section(phrase("sums", language), charts.radar(found.dimensions, labels) + _sums(found, language))
        )
    drawings.append(
        section(
            phrase("history", language), charts.line(found.history, tiers, language) + _moved(found, language, zone)
        )
    )
    yield f'<div class="pair">{"".join(drawings)}</div>'
    key = _missing(missing_lines(found.key_reasons, language))
    yield section(phrase("key", language), key or _quiet(phrase("key_none", language)))
    if found.obstacles:
        yield section(phrase("why", language), _plain_list(found.obstacles))
    if found.hints is not None:
        yield from _advice(found, language)
    if found.records and lists_records:
        told = [record_line(record, found.gone_if_settled, found.currency, language) for record in found.records]
        yield section(phrase("records", language), _plain_list(told))
    summary = f"<summary>{escape(phrase('items', language))}</summary>"
    yield f"<section><details>{summary}{_items(found, language)}</details></section>"
    made_by = phrase("made_by", language, version=found.history[-1].version, policy=found.policy)
    yield f"<footer>{escape(made_by)}</footer>"


def _header(found: Explained, language: Language, zone: tzinfo) -> str:
    on = day(found.history[-1].as_of.astimezone(zone).date(), language)
    thin = f" ({phrase('thin', language)})" if found.thin else ""
    return (
        f'<header><span class="number">{found.score}</span>'
        f'<span class="tier">{escape(tier_name(found, language))}</span>'
        f"<span>{escape(next_tier_line(found, language))}</span>"
        f'<span class="quiet whole">{escape(on + thin)}</span></header>'
    )


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
    heading = moved_title(found, language, zone)
    lines = moved_list(moved_lines(found, language))
    return f"<h2>{escape(heading)}</h2>" + (lines or _nothing(found, language))


def moved_list(lines: Sequence[tuple[str, int, str]]) -> str:
    """What moved a score, as HTML: causes, and the items of each set in below it."""
    return _ul(_line(points, text, level) for level, points, text in lines)


def _nothing(found: Explained, language: Language) -> str:
    return _quiet(phrase("moved_none", language)) if found.moved_at else ""


def _missing(lines: Sequence[tuple[int, str, str]]) -> str:
    return _ul(
        f'<li class="gap"><span class="points">{points}</span><span class="which">{escape(which)}</span>'
        f"<span>{escape(text)}</span></li>"
        for points, which, text in lines
    )


def _advice(found: Explained, language: Language) -> Iterator[str]:
    hints = found.hints or ()
    new = _ul(_line(hint.points, advice_line(hint, language)) for hint in hints if not hint.goes_on)
    yield section(phrase("hints", language), new or _quiet(phrase("hints_none", language)), id="hints")
    kept = _ul(_line(hint.points, advice_line(hint, language)) for hint in hints if hint.goes_on)
    comes = outlook_line(found, language)
    yield section(phrase("go_on", language), f"<p>{escape(comes)}</p>{kept}")


def _items(found: Explained, language: Language) -> str:
    """A table; on a telephone each row of it is a block, its sentence first and each number beside its name."""
    names = ("points", "best", "lost", "not_known")
    labels = [escape(phrase(name, language)) for name in names]
    heads = "".join(f'<th scope="col" class="n">{label}</th>' for label in labels)
    rows = "".join(
        f"<tr>{_figures(labels, (each.points, each.best, each.lost or '', each.not_known or ''))}"
        f"<td>{escape(each.sentence)}</td></tr>"
        for each in found.reasons
    )
    reason = f'<th scope="col">{escape(phrase("reason", language))}</th>'
    return f'<table class="items"><thead><tr>{heads}{reason}</tr></thead><tbody>{rows}</tbody></table>'


def _figures(labels: Sequence[str], of: Sequence[object]) -> str:
    cells = zip(labels, of, strict=True)
    return "".join(f'<td class="n" data-label="{label}">{escape(str(figure))}</td>' for label, figure in cells)


def section(heading: str, body: str, *, id: str = "") -> str:
    """One part of the page; `body` is HTML, and with an `id` it can be jumped to."""
    named = f' id="{id}"' if id else ""
    return f"<section{named}><h2>{escape(heading)}</h2>{body}</section>"


def _line(points: int, text: str, level: str = "") -> str:
    of = f' class="{level}"' if level else ""
    return f'<li{of}><span class="points {_sign(points)}">{signed(points)}</span><span>{escape(text)}</span></li>'


def _ul(items: Iterable[str]) -> str:
    body = "".join(items)
    return f"<ul>{body}</ul>" if body else ""


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
    # Where a table is wider than the screen, whoever has no pointer moves it by the keyboard.
    return f'<div class="wide" tabindex="0"><table>{head}{body}</table></div>'
