"""The headings and short sentences of an explanation, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from services.scorer.core.reasons.figures import Language

_BOTH: Mapping[str, tuple[str, str]] = {
    "title": ("Credit standing", "信用分"),
    "score": ("Score {score} of {day}", "{day} 信用分：{score}"),
    "thin": ("thin: too short a history", "记录尚短，仅供参考"),
    "no_tier": ("no tier yet", "尚未达到任何等级"),
    "next_tier": (
        "{name} begins at {begins_at}, {missing} points from here",
        "距“{name}”（{begins_at} 分起）还差 {missing} 分",
    ),
    "made_by": ("version {version}, by {policy}", "第 {version} 版，评分规则 {policy}"),
    "sums": ("How it sums up", "分数构成"),
    "base": ("Everybody begins with", "起始分"),
    "bounds": ("Floor, limits and ceilings", "保底、限制与封顶"),
    "total": ("Score", "信用分"),
    "of": ("of {share}", "满分 {share}"),
    "lost": ("lost", "失分"),
    "not_known": ("not known yet", "尚未知晓"),
    "key": ("What counts most against you", "主要扣分原因"),
    "key_none": ("Nothing: all of it is at its best.", "没有：各项均已达到最佳。"),
    "moved": ("What moved it since {day}: {change}", "自{day}以来的变化：{change}"),
    "moved_first": ("This is the first score.", "这是第一次评分。"),
    "moved_none": ("Nothing moved it.", "没有变化。"),
    "why": ("Why it does not rise", "分数为什么不升"),
    "hints": ("What would help most", "怎样做最有帮助"),
    "hint": (
        "({score} instead of {without}, in the publication of {day})",
        "（{day}公布时为 {score} 分，否则为 {without} 分）",
    ),
    "hints_none": (
        "None of the behaviors in the policy's catalogue would raise it.",
        "目前没有可以提高分数的单项行为。",
    ),
    "records": ("What is held against you", "你名下的负面记录"),
    "record_cost": ("costs {points} points today", "目前扣 {points} 分"),
    "record_settled": ("settled", "已了结"),
    "record_open": ("not settled; settled today it would cost {points}", "未了结；若今天了结则扣 {points} 分"),
    "record_eases": ("{points} from {month} on", "自{month}起扣 {points} 分"),
    "record_lapses": ("gone on {day}", "{day} 删除"),
    "record_stays": ("it lapses some years after it is settled", "了结若干年后才会删除"),
    "reached_by": ("{name} would be reached so: {sentence}", "这样可以达到“{name}”：{sentence}"),
    "reached_by_none": ("No single one of these reaches {name}.", "仅凭其中一项还达不到“{name}”。"),
    "restricted": ("Restricted: {codes}.", "受限：{codes}。"),
    "items": ("All items", "全部项目"),
    "history": ("History", "历史"),
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
    "first": ("the first score", "首次评分"),
}


def phrase(name: str, language: Language, /, **values: object) -> str:
    """Raises KeyError for a name that is not here."""
    return _BOTH[name][0 if language == "en" else 1].format(**values)


def signed(points: int) -> str:
    return f"{points:+}" if points else "="
