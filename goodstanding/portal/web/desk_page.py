"""The desk's pages, which change nothing: support finds a person, risk sees everybody counted, operators the work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from goodstanding.person.page import section
from goodstanding.portal.desk.counts import BAND, Distribution, Work
from goodstanding.portal.desk.previews import Run, begins
from goodstanding.portal.web.html import form, line
from goodstanding.validation.tier_preview import in_order
from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language, day
from services.scorer.core.scorecard import Scorecard
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.months import month_name

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
    "publications": ("Last publication, by people", "最近一次评分的月份及人数"),
    "publication": ("publication", "评分月份"),
    "any_time": ("whenever something changes", "随时更新"),
    "previews": ("What is announced, and who would cross a tier", "已公布的政策及等级变动"),
    "previews_none": (
        "No other scorecard or tier table is announced. To try one: goodstanding policy preview FILE",
        "没有已公布的新评分卡或等级表。试算：goodstanding policy preview FILE",
    ),
    "in_force_from": ("{name}, in force from {day}", "{name}，{day}起生效"),
    "preview": ("Judge everybody by it", "按此试算所有人"),
    "preview_of": ("{count} people judged, as of {at}.", "截至{at}，已试算 {count} 人。"),
    "preview_goes_on": (
        "{count} people judged so far. Open this page again in a moment.",
        "已试算 {count} 人，请稍后刷新。",
    ),
    "preview_broken": (
        "It stopped before everybody was judged; the log says why. Start it again.",
        "试算中断，请查看日志后重试。",
    ),
    "crosses": ("crosses a tier", "等级变动"),
    "when": ("when", "时间"),
    "at_once": ("at once", "立即"),
    "after_grace": ("after its grace", "宽限期后"),
    "nobody": ("Nobody crosses a tier.", "无人变动等级。"),
    "refusals": ("Refusals of the last 30 days", "近30日拒收"),
    "partner": ("partner", "合作机构"),
    "code": ("code", "代码"),
    "letters": ("Dead letters about which nothing was done", "未处理的死信"),
    "service": ("service", "服务"),
    "read_on": (
        "What has come lately is being read now. Open this page again in a moment.",
        "正在读取最新数据，请稍后刷新。",
    ),
    "tier": ("tier", "等级"),
    "score": ("score", "分数"),
}


def title(language: Language) -> str:
    return _word("title", language)


def support(form_word: str, language: Language, *, wrong: bool = False) -> str:
    said = f'<p role="alert">{_text("wrong", language)}</p>' if wrong else ""
    field = line("user-id", "user_id", _word("user_id", language))
    made = form("/desk/person", form_word, (field,), _word("look", language))
    return f"{_head(language)}{section(_word('find', language), said + made)}"


def risk(
    found: Distribution,
    table: TierTable,
    announced: Sequence[Scorecard | TierTable],
    runs: Mapping[str, Run],
    form_word: str,
    language: Language,
) -> str:
    names = _names(table, language)
    tiers = [(names.get(code or "", code or _word("none", language)), count) for code, count in found.tiers.items()]
    bands = [(f"{band}\u2013{band + BAND - 1}", count) for band, count in sorted(found.bands.items())]
    publications = [
        (_word("any_time", language) if run is None else month_name(run), count) for run, count in found.publications
    ]
    previews = [part for each in announced for part in _preview(each, table, runs.get(each.id), form_word, language)]
    return (
        _head(language)
        + section(_word("tiers", language), _table(("tier", "people"), tiers, language))
        + section(_word("bands", language), _table(("score", "people"), bands, language))
        + section(_word("publications", language), _table(("publication", "people"), publications, language))
        + section(_word("previews", language), "".join(previews) or f"<p>{_text('previews_none', language)}</p>")
    )


def _preview(
    of: Scorecard | TierTable, table: TierTable, run: Run | None, form_word: str, language: Language
) -> Iterator[str]:
    title = _word("in_force_from", language).format(name=of.name, day=day(begins(of), language))
    yield f"<article><h3>{escape(title)}</h3>"
    if run is not None:
        told = "preview_of" if run.is_done else "preview_broken" if run.has_ended else "preview_goes_on"
        said = _word(told, language).format(count=f"{run.people:,}", at=f"{run.at:%Y-%m-%d %H:%M} UTC")
        yield f"<p>{escape(said)}</p>"
        names = _names(table, language) | (_names(of, language) if isinstance(of, TierTable) else {})
        yield _crossings(run, names, language)
    if run is None or run.has_ended:
        yield form("/desk/preview", form_word, (), _word("preview", language), of="quiet-button", policy=of.id)
    yield "</article>"


def _crossings(run: Run, names: Mapping[str, str], language: Language) -> str:
    rows = []
    for each, people in in_order(run.crossings):
        before, after = (names.get(code or "", code or _word("none", language)) for code in (each.before, each.after))
        when = _word("after_grace" if each.with_grace else "at_once", language)
        rows.append((f"{before} \u2192 {after}", when, people))
    if not rows:
        return f"<p>{_text('nobody', language)}</p>" if run.is_done else ""
    return _table(("crosses", "when", "people"), rows, language)


def operator(
    found: Work, letters: Mapping[tuple[str, str], int] | None, language: Language, *, reads_on: bool = False
) -> str:
    erasures = [(f"{at:%Y-%m-%d %H:%M} UTC", parts) for at, parts in found.erasures]
    undone = [(*about, count) for about, count in sorted((letters or {}).items())]
    note = f'<section class="note" role="status">{_text("read_on", language)}</section>' if reads_on else ""
    return (
        _head(language)
        + note
        + section(_word("refusals", language), _table(("partner", "code", "count"), found.refusals, language))
        + section(_word("letters", language), _table(("service", "code", "count"), undone, language))
        + section(_word("erasures", language), _table(("since", "parts"), erasures, language))
        + section(_word("asked", language), _table(("day", "request", "count"), found.asked, language))
    )


def _names(table: TierTable, language: Language) -> dict[str, str]:
    return {tier.code: tier.called(language) for tier in table.tiers}


def _head(language: Language) -> str:
    return f"<h1>{_text('title', language)}</h1>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], language: Language) -> str:
    if not rows:
        return f"<p>{_text('nothing', language)}</p>"
    top = "".join(f'<th scope="col">{_text(name, language)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><tr>{top}</tr>{body}</table></div>'


def _cell(value: object) -> str:
    return f"<td>{value:,}</td>" if isinstance(value, int) else f"<td>{escape(str(value))}</td>"


def _word(name: str, language: Language) -> str:
    return _WORDS[name][0 if language == "en" else 1]


def _text(name: str, language: Language) -> str:
    return escape(_word(name, language))
