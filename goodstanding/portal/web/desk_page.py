"""The desk's pages, which change nothing: support finds a person, risk sees everybody counted, operators the work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from html import escape

import msgspec

from goodstanding.person.page import section
from goodstanding.portal.web.html import form, line
from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language
from shared.contracts.identity import USER_ID_PATTERN
from shared.postgres import DbOrPool

USER_ID = re.compile(USER_ID_PATTERN)
_WORDS = {
    "title": ("Goodstanding, the desk", "Goodstanding 工作台"),
    "find": ("Find a person", "查找用户"),
    "user_id": ("user_id, 64 characters (goodstanding user-id finds it)", "user_id（64 位）"),
    "look": ("Look; the person will see that you did", "查看（用户将看到本次查看）"),
    "wrong": ("That is no user_id.", "格式不正确。"),
    "tiers": ("People by tier", "各等级人数"),
    "bands": ("People by score", "分数分布"),
    "none": ("no tier", "无等级"),
    "people": ("people", "人数"),
    "asked": ("Requests that came here, by day", "按日统计的请求"),
    "erasures": ("Erasures that have not come through", "尚未完成的删除"),
    "nothing": ("Nothing.", "无。"),
    "day": ("day", "日期"),
    "request": ("request", "请求"),
    "count": ("count", "数量"),
    "since": ("asked for at", "申请时间"),
    "parts": ("has come through", "已完成部分"),
    "tier": ("tier", "等级"),
    "score": ("score", "分数"),
}


class Distribution(msgspec.Struct, frozen=True):
    """How many people there are by tier code, and by the score that their band begins with."""

    tiers: dict[str | None, int]
    bands: dict[int, int]


class Work(msgspec.Struct, frozen=True):
    asked: Sequence[tuple[str, str, int]]
    erasures: Sequence[tuple[datetime, str]]


_TIERS = """
select convert_from(tier, 'UTF8')::jsonb ->> 'tier' as tier, count(*) as people
from person where version is not null group by 1
"""
_BAND = 50


async def distribution(db: DbOrPool) -> Distribution:
    tiers = await db.fetch(_TIERS)
    bands = await db.fetch(
        "select score / $1::int * $1::int as band, count(*) as people from person where score is not null group by 1",
        _BAND,
    )
    return Distribution({row["tier"]: row["people"] for row in tiers}, {row["band"]: row["people"] for row in bands})


async def work(db: DbOrPool) -> Work:
    asked = await db.fetch(
        "select to_char(at, 'YYYY-MM-DD') as day, request, count(*) as count from asked group by 1, 2 "
        "order by 1 desc, 2 limit 60"
    )
    erasures = await db.fetch("select asked_at, array_to_string(parts, ', ') as parts from ending order by 1 limit 100")
    return Work([tuple(row) for row in asked], [tuple(row) for row in erasures])


def title(language: Language) -> str:
    return _word("title", language)


def support(form_word: str, language: Language, *, wrong: bool = False) -> str:
    said = f'<p role="alert">{_text("wrong", language)}</p>' if wrong else ""
    field = line("user-id", "user_id", _word("user_id", language))
    made = form("/desk/person", form_word, (field,), _word("look", language))
    return f"{_head(language)}{section(_word('find', language), said + made)}"


def risk(found: Distribution, table: TierTable, language: Language) -> str:
    names = {tier.code: tier.called(language) for tier in table.tiers}
    tiers = [(names.get(code or "", code or _word("none", language)), count) for code, count in found.tiers.items()]
    bands = [(f"{band} to {band + _BAND - 1}", count) for band, count in sorted(found.bands.items())]
    return (
        _head(language)
        + section(_word("tiers", language), _table(("tier", "people"), tiers, language))
        + section(_word("bands", language), _table(("score", "people"), bands, language))
    )


def operator(found: Work, language: Language) -> str:
    erasures = [(f"{at:%Y-%m-%d %H:%M} UTC", parts) for at, parts in found.erasures]
    return (
        _head(language)
        + section(_word("asked", language), _table(("day", "request", "count"), found.asked, language))
        + section(_word("erasures", language), _table(("since", "parts"), erasures, language))
    )


def _head(language: Language) -> str:
    return f"<h1>{_text('title', language)}</h1>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], language: Language) -> str:
    if not rows:
        return f"<p>{_text('nothing', language)}</p>"
    top = "".join(f'<th scope="col">{_text(name, language)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><tr>{top}</tr>{body}</table></div>'


def _word(name: str, language: Language) -> str:
    return _WORDS[name][0 if language == "en" else 1]


def _text(name: str, language: Language) -> str:
    return escape(_word(name, language))
