"""An explanation in the terminal, in words, with a bar for each dimension."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from goodstanding.cli.frame import table
from goodstanding.person.chart import chart
from goodstanding.person.explained import Explained, Moved
from goodstanding.person.phrases import phrase, signed
from goodstanding.person.setting import Setting
from goodstanding.person.told import (
    advice_line,
    missing_lines,
    moved_lines,
    moved_title,
    outlook_line,
    record_line,
    restricted_line,
    tier_line,
)
from services.scorer.core.reasons.figures import Language, day

_BAR = 20
_STYLES = ("dim", "yellow", "green", "cyan", "blue")
_SET_IN = "     "
_NARROWEST = 20


def show(screen: Console, found: Explained, setting: Setting, *, user_id: str = "", items: bool = False) -> None:
    """All of it; with `items` the points of each item instead of what they mean together."""
    language, shown = setting.language, _Screen(screen)
    _heading(shown, found, setting, user_id)
    _sums(shown, found, language)
    if items:
        shown.title(phrase("items", language))
        shown.lines([(f"{r.points:>+5} ({phrase('of', language, share=r.best)})", r.sentence) for r in found.reasons])
        return
    _missing(shown, found, language)
    show_moved(screen, found, setting)
    if found.obstacles:
        shown.title(phrase("why", language))
        shown.lines([("", sentence) for sentence in found.obstacles])
    if found.hints is not None:
        show_advice(screen, found, language)
    if found.records:
        shown.title(phrase("records", language))
        told = [record_line(record, found.gone_if_settled, setting.currency, language) for record in found.records]
        shown.lines([("", line) for line in told])


def show_in_short(screen: Console, found: Explained, setting: Setting) -> None:
    """The score, where most points are missing, what moved it and what would raise it."""
    _score(_Screen(screen), found, setting)
    _missing(_Screen(screen), found, setting.language)
    show_moved(screen, found, setting)
    show_advice(screen, found, setting.language)


def show_moved(screen: Console, found: Explained, setting: Setting) -> None:
    """What moved the last score, cause by cause."""
    language, shown = setting.language, _Screen(screen)
    shown.title(moved_title(found, language, setting.zone))
    lines = [
        (f"{_SET_IN if level == 'item' else ''}{signed(points):>5}", text)
        for level, points, text in moved_lines(found, language)
    ]
    shown.lines(lines, phrase("moved_none", language) if found.moved_at else "")


def show_advice(screen: Console, found: Explained, language: Language) -> None:
    """What would raise the score, and what comes of going on as now."""
    shown, hints = _Screen(screen), found.hints or ()
    shown.title(phrase("hints", language))
    new = [(f"{signed(hint.points):>5}", advice_line(hint, language)) for hint in hints if not hint.goes_on]
    shown.lines(new, phrase("hints_none", language))
    shown.title(phrase("go_on", language))
    shown.lines([("", outlook_line(found, language))])
    shown.lines([(f"{signed(hint.points):>5}", advice_line(hint, language)) for hint in hints if hint.goes_on])


def history_chart(moved: Sequence[Moved], setting: Setting) -> Text:
    """The scores over time, with the tiers' names."""
    scores = [msgspec.structs.replace(each, as_of=each.as_of.astimezone(setting.zone)) for each in moved]
    tiers = {tier.from_score: tier.called(setting.language) for tier in setting.tiers.tiers}
    return chart(scores, tiers, [_STYLES[index % len(_STYLES)] for index in range(len(tiers) + 1)])


def _missing(shown: _Screen, found: Explained, language: Language) -> None:
    shown.title(phrase("key", language))
    missing = missing_lines(found.key_reasons, language)
    widest = max((cell_len(which) for _, which, _ in missing), default=0)
    lines = [(f"{points:>5}  {which}{' ' * (widest - cell_len(which))}", text) for points, which, text in missing]
    shown.lines(lines, phrase("key_none", language))


def _score(shown: _Screen, found: Explained, setting: Setting) -> None:
    language, last = setting.language, found.history[-1]
    on = day(last.as_of.astimezone(setting.zone).date(), language)
    thin = f" ({phrase('thin', language)})" if found.thin else ""
    shown.tell(phrase("score", language, score=found.score, day=on) + thin)
    shown.tell(tier_line(found, language))


def _heading(shown: _Screen, found: Explained, setting: Setting, user_id: str) -> None:
    language, last = setting.language, found.history[-1]
    _score(shown, found, setting)
    shown.tell(phrase("made_by", language, version=last.version, policy=found.policy))
    if user_id:
        shown.tell(f"user_id {user_id}")
    if found.restrictions:
        shown.tell(restricted_line(found, language))


def _sums(shown: _Screen, found: Explained, language: Language) -> None:
    shown.title(phrase("sums", language))
    rows: list[tuple[object, ...]] = [(phrase("base", language), found.base, "", "", "", "")]
    for each in found.dimensions:
        of = phrase("of", language, share=each.share)
        rows.append((each.name, each.points, of, _bar(each.points, each.share), each.lost or "", each.not_known or ""))
    if found.bounds:
        rows.append((phrase("bounds", language), found.bounds, "", "", "", ""))
    rows.append((phrase("total", language), found.score, "", "", "", ""))
    columns = ["", phrase("points", language), " ", "  ", phrase("lost", language), phrase("not_known", language)]
    shown.screen.print(table(columns, rows, right=(columns[1], columns[4], columns[5])))


def _bar(points: int, share: int) -> str:
    filled = min(max(points, 0) * _BAR // share, _BAR) if share else 0
    return "█" * filled + "░" * (_BAR - filled)


class _Screen:
    """A console to which sentences are told: they are broken where the terminal ends, and nowhere else."""

    def __init__(self, screen: Console) -> None:
        self.screen = screen

    def tell(self, text: str) -> None:
        self.screen.print(Text(text), soft_wrap=not self._breaks)

    def title(self, text: str) -> None:
        self.screen.print()
        self.screen.print(Text(text, style="bold"), soft_wrap=not self._breaks)

    def lines(self, lines: Sequence[tuple[str, str]], otherwise: str = "") -> None:
        """Sentences, each behind its points, set in where a terminal breaks them."""
        if not lines and otherwise:
            self.tell(f"  {otherwise}")
        for points, sentence in lines:
            told = f"{points}  " if points else "  "
            if not self._breaks:
                self.screen.print(Text(told + sentence), soft_wrap=True)
                continue
            broken = Text(sentence).wrap(self.screen, max(self.screen.width - cell_len(told), _NARROWEST))
            for index, part in enumerate(broken):
                begins = told if not index else " " * cell_len(told)
                self.screen.print(Text(begins + part.plain.rstrip()), soft_wrap=True)

    @property
    def _breaks(self) -> bool:
        return self.screen.is_terminal or self.screen.record
