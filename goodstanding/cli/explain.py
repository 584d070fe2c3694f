"""`explain` and `history`: why a person's score is what it is, and what moved it over time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from goodstanding.cli.arguments import Who, day, one_of
from goodstanding.cli.explanation import history_chart, show
from goodstanding.cli.frame import AsJson, answer_json, console, say, table, warn
from goodstanding.cli.people import asked, when_scores_come
from goodstanding.cli.picture import STANDARD_OUTPUT, check_drawing, check_writable
from goodstanding.explanations import read_explained
from goodstanding.person import charts
from goodstanding.person.explained import Explained, Moved
from goodstanding.person.page import page
from goodstanding.person.phrases import phrase, signed
from goodstanding.person.setting import Setting
from goodstanding.person.told import cause_lines, first_line
from services.scorer.core.explain import Published
from services.scorer.core.explain import explain as explained_by_code
from services.scorer.core.reasons import figures
from services.scorer.core.reasons.figures import Language
from shared.contracts.months import month_name

_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_IN_WORDS = (
    *("dimensions", "key_reasons", "moved", "obstacles", "outlook", "hints", "records", "gone_if_settled"),
    *("closed", "next_tier"),
)
"""What --json has of the explanation in words, in its order."""


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
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a page, with its charts; - is standard output.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write its charts alone, as a drawing; - is standard output.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A person's score and why it is what it is: what counts most, what moved it, and what would help.

    Example: goodstanding explain GS000000000195 --on 2005-10-06
    """
    who_is_it, rows, found, setting = _explained(who, on, _language(language))
    written = ((html, "--html", check_writable, _page), (svg, "--svg", check_drawing, _drawing))
    for file, option, check, text in written:
        if file == STANDARD_OUTPUT and not as_json:
            sys.stdout.write(text(found, setting))
        elif file is not None:
            check(file, option)
            file.write_text(text(found, setting), encoding="utf-8")
            say(f"Written: {file}")
    if as_json:
        answer_json({"user_id": who_is_it, **_as_json(rows[-1], found)})
    elif html is None and svg is None:
        show(console, found, setting, user_id=who_is_it, items=items)


def history(who: Who, on: OnDay = None, language: InLanguage = "en", as_json: AsJson = False) -> None:
    """A person's scores over time: the tier that each reaches, and what moved it.

    Example: goodstanding history GS000000000195
    """
    who_is_it, _, found, setting = _explained(who, on, _language(language))
    if as_json:
        for moved in found.history:
            answer_json({"user_id": who_is_it, **msgspec.to_builtins(moved)})
        return
    console.print(history_chart(found.history, setting))
    console.print()
    rows = [
        (
            figures.day(moved.as_of.astimezone(setting.zone).date(), setting.language),
            moved.score,
            signed(moved.change) if moved.causes or moved.change else "",
            moved.tier or "",
            _causes(moved, setting) if index else first_line(moved, setting.language),
        )
        for index, moved in enumerate(found.history)
    ]
    names = [phrase(name, setting.language) for name in ("day", "total", "change", "tier", "causes")]
    console.print(table(names, rows, right=(names[1], names[2])))


def _explained(who: str, on: date | None, language: Language) -> tuple[str, Sequence[Published], Explained, Setting]:
    deployment, user, zone = asked(who)
    before = None if on is None else datetime.combine(on + timedelta(days=1), time(), zone)
    rows, found, setting = asyncio.run(
        read_explained(deployment, user, language, before=before, advice=when_scores_come(deployment))
    )
    if rows[-1].policy not in setting.cards:
        warn(phrase("no_policy", language, policy=rows[-1].policy))
    return user, rows, found, setting


def _page(found: Explained, setting: Setting) -> str:
    return page(found, setting.tiers, setting.language, setting.zone)


def _drawing(found: Explained, setting: Setting) -> str:
    labels = (phrase("points", setting.language), phrase("not_known", setting.language))
    return charts.card(found, setting.tiers, labels, setting.language) + "\n"


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
        **{name: words[name] for name in _IN_WORDS},
        "causes": last["causes"],
        "changes": last["changes"],
    }


def _causes(moved: Moved, setting: Setting) -> str:
    parts = [f"{signed(points)} {text}" for points, text in cause_lines(moved, setting.language, setting.zone)]
    return (", " if setting.language == "en" else "，").join(parts)
