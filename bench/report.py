"""Makes the tables and the picture of docs/performance.md from results.json.

python -m bench.report write
python -m bench.report check
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench import results
from bench.results import Round, Section, median

DOCS = Path(__file__).parent.parent / "docs"
PAGE, PICTURE = DOCS / "performance.md", DOCS / "performance.svg"
_MARKED = re.compile(r"<!-- results: (?P<title>.+?) -->\n.*?<!-- end -->", re.DOTALL)
_BUSY = 0.5
"""Processes that wanted to run beside the benchmark, from which on its figures are said to be of a busy machine."""
_COLORS = {"contender": "#2b6cb0", "postgres": "#8ab4d8", "kafka": "#c9ced6"}


def page(text: str, found: Mapping[str, Section]) -> str:
    """The page with each marked part made again."""

    def made(mark: re.Match[str]) -> str:
        title = mark["title"]
        body = "\n".join(_part(found[title])) if title in found else "Not measured yet."
        return f"<!-- results: {title} -->\n{body}\n<!-- end -->"

    return _MARKED.sub(made, text)


def _part(section: Section) -> Iterator[str]:
    yield f"`{section.command}`, {section.taken}, {section.machine}."
    if section.load > _BUSY:
        yield (
            f"The machine did other things as well (load {section.load:.0f}): ratios of one run can be compared, "
            "rates cannot be relied on."
        )
    yield ""
    rows = {name: (median(rounds), rounds) for name, rounds in section.rows.items()}
    if any(row.latency_ms for row, _ in rows.values()):
        yield from _latencies(rows)
    else:
        yield from _rates(rows)
    if courses := list(_courses(rows)):
        yield ""
        yield from courses
    if section.tuned:
        yield ""
        yield from (f"- {name}: {what}." for name, what in section.tuned.items())
    if ratios := list(_ratios(rows)):
        yield ""
        yield from ratios


Rows = Mapping[str, tuple[Round, Sequence[Round]]]


def _rates(rows: Rows) -> Iterator[str]:
    yield "| | a second | lowest to highest | CPU s per 100,000 | of them | peak MiB | compared |"
    yield "|---|---:|---:|---:|---|---:|---:|"
    for name, (row, rounds) in rows.items():
        rates = sorted(each.events_per_s for each in rounds)
        parts = ", ".join(f"{whose} {seconds:.2f}" for whose, seconds in row.cpu_s.items())
        compared = f"{row.changes:,}" if row.changes else ""
        compared += f" ({row.repeated:,} sent again)" if row.repeated else ""
        yield (
            f"| {name} | {row.events_per_s:,.0f} | {rates[0]:,.0f} to {rates[-1]:,.0f} | {row.all_cpu_s:.2f} | {parts} "
            f"| {row.peak_mib:,.0f} | {row.fault or compared} |"
        )


def _latencies(rows: Rows) -> Iterator[str]:
    names = next(iter(rows.values()))[0].latency_ms
    yield f"| milliseconds | {' | '.join(names)} |"
    yield f"|---|{'---:|' * len(names)}"
    for name, (row, _) in rows.items():
        yield f"| {name} | {' | '.join(f'{took:,.0f}' for took in row.latency_ms.values())} |"


def _courses(rows: Rows) -> Iterator[str]:
    """What each tenth of a run cost, so that one sees whether it gets dearer on the way."""
    for name, (row, _) in rows.items():
        if row.course_us:
            tenths = ", ".join(f"{us:,.0f}" for us in row.course_us)
            yield f"- {name}, CPU microseconds of each, tenth by tenth: {tenths}."


def _ratios(rows: Rows) -> Iterator[str]:
    """How our runner stands to each peer: its best rate to the peer's best, its lowest cost to the peer's lowest."""
    ours = [row for name, (row, _) in rows.items() if name.startswith("runner")]
    for peer in ("Kafka Streams", "Quix Streams"):
        theirs = [row for name, (row, _) in rows.items() if name.startswith(peer)]
        if ours and theirs:
            rate = max(each.events_per_s for each in ours) / max(each.events_per_s for each in theirs)
            cost = min(each.all_cpu_s for each in ours) / min(each.all_cpu_s for each in theirs)
            yield f"- The runner's best against {peer}' best: {rate:.2f} times the rate, {cost:.2f} times the CPU."


def picture(section: Section) -> str:
    """CPU seconds per 100,000 events, by whose they are: bars, without those that would dwarf all others."""
    rows = {name: median(rounds) for name, rounds in section.rows.items()}
    least = min(row.all_cpu_s for row in rows.values())
    shown = {name: row for name, row in rows.items() if row.all_cpu_s < 10 * least}
    scale = 420 / max(row.all_cpu_s for row in shown.values())
    height = 40 + 30 * len(shown)
    box, font = f"0 0 800 {height + 24}", 'font-family="sans-serif" font-size="13"'
    title = "CPU seconds per 100,000 events (shorter is better), and events a second"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {font}>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="10" y="22" font-weight="bold">{title}</text>',
    ]
    for number, (name, row) in enumerate(shown.items()):
        y, x = 36 + 30 * number, 260.0
        lines.append(f'<text x="250" y="{y + 15}" text-anchor="end">{name}</text>')
        for whose, color in _COLORS.items():
            width = row.cpu_s.get(whose, 0.0) * scale
            lines.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="20" fill="{color}"/>')
            x += width
        lines.append(f'<text x="{x + 6:.1f}" y="{y + 15}">{row.all_cpu_s:.2f}; {row.events_per_s:,.0f}/s</text>')
    for number, (whose, color) in enumerate(_COLORS.items()):
        lines.append(f'<rect x="{260 + 110 * number}" y="{height + 2}" width="12" height="12" fill="{color}"/>')
        lines.append(f'<text x="{278 + 110 * number}" y="{height + 13}">{whose}</text>')
    return "\n".join([*lines, "</svg>", ""])


def made() -> dict[Path, str]:
    """What the files are to hold."""
    found = results.read()
    files = {PAGE: page(PAGE.read_text(encoding="utf-8"), found)}
    if drawn := found.get("same work, 20,000 people"):
        files[PICTURE] = picture(drawn)
    return files


def write() -> None:
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")


def outdated() -> list[str]:
    """The files that do not hold what results.json says."""
    return [path.name for path, text in made().items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> None:
    if sys.argv[1:] == ["write"]:
        write()
    elif names := outdated():
        sys.exit(f"{', '.join(names)}: not what results.json says. Write it again: python -m bench.report write")


if __name__ == "__main__":
    main()
