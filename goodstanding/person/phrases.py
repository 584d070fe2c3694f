"""The headings and short sentences of an explanation, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from services.scorer.core.reasons.figures import Language

_BOTH: Mapping[str, tuple[str, str]] = {
    "title": ("Credit standing", "信用分"),
    "score": ("Score {score} of {day}", "{day} 信用分：{score}"),
    "thin": ("for now only: the history is still too short", "记录尚短，仅供参考"),
    "no_tier": ("No tier yet", "尚未达到任何等级"),
    "next_tier": (
        "{name} begins at {begins_at}, {missing} from here",
        "距“{name}”（{begins_at} 分起）还差 {missing}",
    ),
    "made_by": ("version {version}, by {policy}", "第 {version} 版，评分规则 {policy}"),
    "sums": ("How it sums up", "分数构成"),
    "base": ("Everybody begins with", "起始分"),
    "bounds": ("Limits on the score", "总分限制"),
    "total": ("Score", "信用分"),
    "of": ("of {share}", "满分 {share}"),
    "lost": ("lost", "失分"),
    "not_known": ("not known yet", "尚未知晓"),
    "key": ("Where most points are missing", "差距最大的项目"),
    "key_none": ("Nowhere: all of it is at its best.", "没有：各项均已达到最佳。"),
    "moved": ("What moved it since {day}: {change}", "自{day}以来的变化：{change}"),
    "moved_none": ("Nothing moved it.", "没有变化。"),
    "moved_last": (
        "It has not changed since {day}. What moved it then: {change}",
        "{day}以来分数没有变化。当时的变化：{change}",
    ),
    "then": ("Then: “{sentence}”", "当时：“{sentence}”"),
    "others": ("other items: {count}", "另外 {count} 项"),
    "why": ("Why it is not higher", "分数为什么没有更高"),
    "hints": ("What would raise it", "怎样做可以提高"),
    "hint": ("({score} instead of {without} on {day})", "（{day}为 {score} 分，否则为 {without} 分）"),
    "hints_none": (
        "No single thing that you could newly begin is sure to raise it soon. What you do already holds it: go on with "
        "that. Points that are not known yet come when what they are about is reported or confirmed.",
        "目前没有哪一件新开始的事能确保很快提高分数。现有分数靠您已在做的事维持，请继续按时履约。尚未知晓的分数，待相关信息报送或确认后计入。",
    ),
    "go_on": ("If you go on as now", "若一切照旧"),
    "goes_on": (
        "(you do this already: {score} on {day} if you go on, {without} if you end it)",
        "（您已在这样做：继续则{day}为 {score} 分，停止则为 {without} 分）",
    ),
    "outlook": (
        "If all goes on as it did lately, and on time, your score will be {scores}.",
        "若一切照旧并按时，分数预计：{scores}。",
    ),
    "outlook_same": (
        "If all goes on as it did lately, and on time, your score will stay at {score} for a year.",
        "若一切照旧并按时，一年内分数预计保持 {score} 分。",
    ),
    "gone_by_then": (
        "No longer held against you by then: {records}.",
        "届时不再计入的负面记录：{records}。",
    ),
    "lapses": ("{name} (gone on {day})", "{name}（{day}删除）"),
    "outlook_score": ("{score} on {day}", "{day}为 {score} 分"),
    "records": ("What is held against you", "您名下的负面记录"),
    "record_cost": ("costs {points} today", "目前扣 {points}"),
    "record_free": ("by itself changes nothing today", "目前单独不影响分数"),
    "record_settled": ("settled", "已了结"),
    "record_open_free": ("not settled; settled today it would be gone on {day}", "未了结；若今天了结，{day}删除"),
    "record_open": (
        "not settled; settled today it would cost {points} and be gone on {day}",
        "未了结；若今天了结则扣 {points} 分，{day}删除",
    ),
    "record_eases": ("{points} from {month} on", "自{month}起扣 {points} 分"),
    "record_lapses": ("gone on {day}", "{day} 删除"),
    "reached_on": ("So you reach {name} on {day}.", "这样将在{day}达到“{name}”。"),
    "reached_by": (
        "That does not reach {name} within a year. This would: {sentence}",
        "这样一年内还达不到“{name}”。可以这样达到：{sentence}",
    ),
    "reached_by_none": (
        "Neither that nor any one of these reaches {name} within a year.",
        "这样或仅凭其中一项，一年内都还达不到“{name}”。",
    ),
    "restricted": ("While a record is open, this is closed to you: {names}.", "负面记录未了结期间不能使用：{names}。"),
    "items": ("All items", "全部项目"),
    "history": ("How it went", "历史变化"),
    "no_policy": (
        "Its policy, {policy}, is not among the files of this deployment, so that it is shown without sentences.",
        "本次评分所用规则 {policy} 不在当前部署的文件中，因此没有文字说明。",
    ),
    "points": ("points", "得分"),
    "best": ("at best", "满分"),
    "change": ("change", "变化"),
    "reason": ("why", "原因"),
    "day": ("day", "日期"),
    "tier": ("tier", "等级"),
    "causes": ("what moved it", "变化原因"),
    "first": ("The first score", "首次评分"),
    "first_kept": ("Earlier scores are not kept any more", "更早的评分已不再保留"),
}


def phrase(name: str, language: Language, /, **values: object) -> str:
    """Raises KeyError for a name that is not here."""
    return _BOTH[name][0 if language == "en" else 1].format(**values)


def signed(points: int) -> str:
    return f"{points:+}" if points else "="
