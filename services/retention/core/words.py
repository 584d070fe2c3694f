"""What a person is told of a record and of a request, in English and Chinese (rules R23 and R24)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TypeAlias

from services.retention.core.effects import News, Reply

Both: TypeAlias = tuple[str, str]
"""English and Chinese. `{day}` is the day that the sentence names."""

NEWS: Mapping[News, Both] = {
    "reported": (
        "A negative record about you was reported. You may dispute it, or add a statement of your own.",
        "有机构报送了一条关于您的不良信息。您可以提出异议，也可以附上本人声明。",
    ),
    "changed": (
        "The amount of a record about you has changed.",
        "关于您的一条记录金额有变动。",
    ),
    "counts": (
        "A record that was reported about you counts from now on.",
        "此前报送的一条关于您的记录自现在起计入评分。",
    ),
    "disputed": (
        "A record about you is disputed. It does not count while its provider is asked.",
        "关于您的一条记录已标注异议，核查期间不计入评分。",
    ),
    "confirmed": (
        "The provider has confirmed the record. It counts again; you may add a statement that goes with it.",
        "信息提供者已确认该记录属实，记录恢复计入。您可以附上本人声明。",
    ),
    "corrected": ("The provider has corrected the record.", "信息提供者已更正该记录。"),
    "unverifiable": (
        "Nobody could say that the record is right. It stands with both views, and no longer counts.",
        "该记录无法核实，将同时保留双方意见，并不再计入评分。",
    ),
    "returned": (
        "A record about you is held again, since its provider has certified or corrected it. You may dispute it, or "
        "add a statement of your own.",
        "信息提供者已证明或更正，关于您的一条记录重新收录。您可以提出异议，也可以附上本人声明。",
    ),
}
SETTLED: Both = ("A record about you was settled.", "关于您的一条记录已结清。")
"""Of a change that settles: the amount of a settled record does not change any more."""
CONFIRMED_BEFORE: Both = (
    "The provider has confirmed the record. You may add a statement that goes with it.",
    "信息提供者已确认该记录属实。您可以附上本人声明。",
)
"""Of a record that has not counted yet."""
COUNTS_FROM: Both = (" It counts from {day} on.", "该记录自 {day} 起计入评分。")
"""Follows the sentence about a record that does not count yet, since its person must know about it first
(rules R22)."""
LAPSED: Both = ("A record about you has lapsed and is erased.", "关于您的一条记录已到期并被删除。")
DELETED: Both = (
    "A record about you was deleted, because its provider has taken it back.",
    "信息提供者已撤回，关于您的一条记录已被删除。",
)
NOT_VERIFIED: Both = (
    "A record about you was deleted, because nobody could say that it is right.",
    "关于您的一条记录无法核实，已被删除。",
)
NEAR: Mapping[str, Both] = {
    "lapse-near": ("A record about you lapses at the end of {day}.", "关于您的一条记录将于 {day} 日终到期。"),
    "answer-near": (
        "The provider of the record that you dispute must answer by the end of {day}.",
        "您提出异议的记录，信息提供者须在 {day} 日终前答复。",
    ),
}

REPLIES: Mapping[Reply, Both] = {
    "asked": (
        "The record is marked as disputed and does not count while its provider is asked, which has until the end of "
        "{day}.",
        "记录已标注异议，核查期间不计入评分。信息提供者须在 {day} 日终前答复。",
    ),
    "attached": (
        "Your statement goes with the record from now on.",
        "您的声明自现在起附于该记录。",
    ),
    "later-statement": (
        "A statement that you wrote later than this one goes with the record, and stays. To replace it, write another.",
        "您之后提交的声明已附于该记录，予以保留。如需更换，请重新提交声明。",
    ),
    "no-such-record": (
        "No such record is held about you. Look at the number: it stands beside each record in the list of those that "
        "are held.",
        "没有关于您的这条记录。请核对编号，现有记录及编号请查看记录列表。",
    ),
    "being-checked": (
        "The record is being checked for the same reason already; its provider has until the end of {day}.",
        "该记录正因同一理由接受核查，信息提供者须在 {day} 日终前答复。",
    ),
    "same-facts": (
        "The same facts were checked before, and the answer stands. Say what is new, or add a statement.",
        "相同事实此前已核查，结论不变。请说明新的情况，或附上本人声明。",
    ),
    "no-longer": (
        "The record no longer counts, since nobody could say that it is right.",
        "该记录因无法核实，已不再计入评分。",
    ),
    "too-many": (
        "The record was disputed so often that no more disputes of it are taken. You may add a statement.",
        "该记录的异议次数已达上限。您可以附上本人声明。",
    ),
}
REFUSED: frozenset[Reply] = frozenset({"later-statement", "no-such-record", "same-facts", "no-longer", "too-many"})


def news_of(news: News, counts_from: date | None, *, is_settled: bool) -> Both:
    """What is told of a record; `counts_from` is the day from which it counts, where it does not yet."""
    first = SETTLED if news == "changed" and is_settled else NEWS[news]
    if counts_from is None:
        return first
    if news == "confirmed":
        first = CONFIRMED_BEFORE
    english, chinese = said(COUNTS_FROM, counts_from)
    return first[0] + english, first[1] + chinese


def said(words: Both, day: date | None = None) -> Both:
    """The sentences, with the day that they name."""
    english, chinese = words
    return english.format(day=day), chinese.format(day=day)
