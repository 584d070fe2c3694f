"""`explain` and `history`: why a person's score is what it is, and what moved it over time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.cells import cell_len
from rich.text import Text

from goodstanding import policies
from goodstanding.cli.frame import AsJson, answer_json, console, say, table, tell, warn
from goodstanding.cli.people import asked, when_scores_come
from goodstanding.cli.words import Who, day, one_of
from goodstanding.errors import UserError
from goodstanding.person import charts, score
from goodstanding.person.chart import chart
from goodstanding.person.explained import Explained, Moved, Setting, explained
from goodstanding.person.page import page
from goodstanding.person.phrases import phrase, signed
from goodstanding.person.told import cause_lines, record_line
from goodstanding.platform.deployment import Deployment
from services.scorer.core.explain import Published
from services.scorer.core.explain import explain as explained_by_code
from services.scorer.core.policy import Policy
from services.scorer.core.reasons import figures
from services.scorer.core.reasons.figures import Language
from services.scorer.loading import scorecards
from shared.contracts.months import month_name

_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_BAR = 20


def _language(text: str) -> Language:
    for language in _LANGUAGES:
        if text == language:
            return language
    raise typer.BadParameter(f"There is no language {text}; say one of: {', '.join(_LANGUAGES)}.")


InLanguage = Annotated[
    str,
    typer.Option(parser=_language, metavar="LANGUAGE", help=f"{one_of(_LANGUAGES)} English or Chinese."),
]
OnDay = Annotated[
    date | None, typer.Option(parser=day, metavar="DAY", help="The score as it was then, such as 2026-01-31.")
]


def explain(
    who: Who,
    on: OnDay = None,
    items: Annotated[bool, typer.Option("--items", help="Every item, one a line: they sum to the score.")] = False,
    language: InLanguage = "en",
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as a page, with its charts.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write its charts alone, as a drawing.")] = None,
    as_json: AsJson = False,
) -> None:
    """A person's score and why it is what it is: what counts most, what moved it, and what would help.

    Example: goodstanding explain GS000000000195 --on 2005-10-06
    """
    who_is_it, rows, found, setting = _explained(who, on, _language(language))
    for file, text in ((html, _page), (svg, _drawing)):
        if file is not None:
            _write(file, text(found, setting))
    if as_json:
        answer_json({"user_id": who_is_it, **_as_json(rows[-1], found)})
    elif html is None and svg is None:
        _show(found, who_is_it, setting, items)


def history(who: Who, on: OnDay = None, language: InLanguage = "en", as_json: AsJson = False) -> None:
    """A person's scores over time: the tier that each reaches, and what moved it.

    Example: goodstanding history GS000000000195
    """
    who_is_it, _, found, setting = _explained(who, on, _language(language))
    if as_json:
        for moved in found.history:
            answer_json({"user_id": who_is_it, **msgspec.to_builtins(moved)})
        return
    _chart(found.history, setting)
    console.print()
    rows = [
        (
            figures.day(moved.as_of.astimezone(setting.zone).date(), setting.language),
            moved.score,
            signed(moved.change) if moved.causes or moved.change else "",
            moved.tier or "",
            _causes(moved, setting.language) if index else phrase("first", setting.language),
        )
        for index, moved in enumerate(found.history)
    ]
    names = [phrase(name, setting.language) for name in ("day", "total", "change", "tier", "causes")]
    console.print(table(names, rows, right=(names[1], names[2])))


def _explained(who: str, on: date | None, language: Language) -> tuple[str, Sequence[Published], Explained, Setting]:
    deployment, user, zone = asked(who)
    before = None if on is None else datetime.combine(on + timedelta(days=1), time(), zone)

    async def read() -> tuple[Sequence[Published], Any, datetime]:
        rows = await score.published(deployment, user, before, when_scores_come(deployment))
        now = await deployment.now()
        return rows, await score.present(deployment, user, now) if before is None else None, now

    rows, present, now = asyncio.run(read())
    setting = _setting(deployment, language, zone, now)
    if rows[-1].policy not in setting.cards:
        warn(phrase("no_policy", language, policy=rows[-1].policy))
    return user, rows, explained(rows, present, setting, now.astimezone(zone).date()), setting


def _setting(deployment: Deployment, language: Language, zone: tzinfo, now: datetime) -> Setting:
    cards = scorecards(deployment.policies)
    in_force = Policy(scorecards=cards, zone=zone, accepts_late_months=0).at(now)
    return Setting(
        cards={card.id: card for card in cards},
        in_force=in_force,
        tiers=policies.tier_table(),
        language=language,
        currency=deployment.settings.currency,
        zone=zone,
    )


def _page(found: Explained, setting: Setting) -> str:
    return page(found, setting.tiers, setting.language, setting.zone)


def _drawing(found: Explained, setting: Setting) -> str:
    labels = (phrase("points", setting.language), phrase("not_known", setting.language))
    return charts.card(found.dimensions, found.history, setting.tiers, labels) + "\n"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{file} cannot be written: {error.strerror}.", "Name a file in a directory that is there."
        ) from None
    say(f"Written: {file}")


def _as_json(row: Published, found: Explained) -> dict[str, Any]:
    told = msgspec.to_builtins(explained_by_code(row))
    in_words = {reason.code: reason for reason in found.reasons}
    for line in told["lines"]:
        if (reason := in_words.get(line["code"])) is not None:
            line |= {"lost": reason.lost, "not_known": reason.not_known, "sentence": reason.sentence}
    last = msgspec.to_builtins(found.history[-1])
    words = msgspec.to_builtins(found)
    return {
        **told,
        "publication_month": None if row.run is None else month_name(row.run),
        "tier": found.tier,
        **{name: words[name] for name in ("dimensions", "key_reasons", "obstacles", "hints", "records", "next_tier")},
        "causes": last["causes"],
        "changes": last["changes"],
    }


# -- the terminal ------------------------------------------------------------------------------------------------------


def _show(found: Explained, user: str, setting: Setting, items: bool) -> None:
    language = setting.language
    last = found.history[-1]
    _heading(found, user, setting)
    _sums(found, language)
    if items:
        _title(phrase("items", language))
        _lines([(f"{r.points:+} ({phrase('of', language, share=r.best)})", r.sentence) for r in found.reasons])
        return
    _title(phrase("key", language))
    _lines([(f"-{r.best - r.points}", r.sentence) for r in found.key_reasons], phrase("key_none", language))
    if len(found.history) > 1:
        since = figures.day(found.history[-2].as_of.astimezone(setting.zone).date(), language)
        _title(phrase("moved", language, day=since, change=signed(last.change)))
        _lines([(signed(points), text) for points, text in cause_lines(last, language)], phrase("moved_none", language))
    else:
        _title(phrase("moved_first", language))
    if found.obstacles:
        _title(phrase("why", language))
        _lines([("", sentence) for sentence in found.obstacles])
    if found.hints is not None:
        _title(phrase("hints", language))
        _hints(found, language)
    if found.records:
        _title(phrase("records", language))
        _lines([("", record_line(record, setting.currency, language)) for record in found.records])


def _heading(found: Explained, user: str, setting: Setting) -> None:
    language, last = setting.language, found.history[-1]
    on = figures.day(last.as_of.astimezone(setting.zone).date(), language)
    thin = f" ({phrase('thin', language)})" if found.thin else ""
    tier = found.tier or phrase("no_tier", language)
    if (following := found.next_tier) is not None:
        begins = {"name": following.name, "begins_at": following.begins_at, "missing": following.missing}
        tier += ("; " if language == "en" else "；") + phrase("next_tier", language, **begins)
    tell(phrase("score", language, score=found.score, day=on) + thin)
    tell(tier + ("." if language == "en" else "。"))
    tell(phrase("made_by", language, version=last.version, policy=found.policy))
    console.print(f"user_id {user}", soft_wrap=True)
    if found.restrictions:
        tell(phrase("restricted", language, codes=", ".join(found.restrictions)))


def _sums(found: Explained, language: Language) -> None:
    _title(phrase("sums", language))
    rows: list[tuple[object, ...]] = [(phrase("base", language), found.base, "", "", "", "")]
    for each in found.dimensions:
        of = phrase("of", language, share=each.share)
        rows.append((each.name, each.points, of, _bar(each.points, each.share), each.lost or "", each.not_known or ""))
    if found.bounds:
        rows.append((phrase("bounds", language), found.bounds, "", "", "", ""))
    rows.append((phrase("total", language), found.score, "", "", "", ""))
    columns = ["", phrase("points", language), " ", "  ", phrase("lost", language), phrase("not_known", language)]
    console.print(table(columns, rows, right=(columns[1], columns[4], columns[5])))


def _bar(points: int, share: int) -> str:
    filled = min(max(points, 0) * _BAR // share, _BAR) if share else 0
    return "█" * filled + "░" * (_BAR - filled)


def _hints(found: Explained, language: Language) -> None:
    lines = []
    for hint in found.hints or ():
        when = {"score": hint.score, "without": hint.score - hint.points, "day": figures.day(hint.on, language)}
        lines.append((signed(hint.points), f"{hint.sentence} {phrase('hint', language, **when)}"))
    _lines(lines, phrase("hints_none", language))
    if lines and (tier := found.next_tier) is not None:
        name = "reached_by" if tier.reached_by else "reached_by_none"
        _lines([("", phrase(name, language, name=tier.name, sentence=tier.reached_by))])


def _title(text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _lines(lines: Sequence[tuple[str, str]], otherwise: str = "") -> None:
    """Sentences, each behind its points, set in where a terminal breaks them."""
    if not lines and otherwise:
        tell(f"  {otherwise}")
    width = max((cell_len(points) for points, _ in lines), default=0)
    for points, sentence in lines:
        told = Text(f"  {points:>{width}}  " if width else "  ")
        if not console.is_terminal:
            console.print(told.plain + sentence, markup=False, soft_wrap=True)
            continue
        for index, part in enumerate(Text(sentence).wrap(console, console.width - len(told))):
            console.print(
                (told.plain if not index else " " * len(told)) + part.plain.rstrip(), markup=False, soft_wrap=True
            )


def _causes(moved: Moved, language: Language) -> str:
    parts = [f"{signed(points)} {text}" for points, text in cause_lines(moved, language)]
    return (", " if language == "en" else "，").join(parts)


def _chart(moved: Sequence[Moved], setting: Setting) -> None:
    styles = ("dim", "yellow", "green", "cyan", "blue")
    scores = [msgspec.structs.replace(each, as_of=each.as_of.astimezone(setting.zone)) for each in moved]
    tiers = {tier.from_score: tier.name for tier in setting.tiers.tiers}
    console.print(chart(scores, tiers, [styles[index % len(styles)] for index in range(len(tiers) + 1)]))
