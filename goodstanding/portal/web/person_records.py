"""The records on a person's own page: what each is, when it is gone, and what the person can say about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from goodstanding.portal.web.html import Html, choice, form, joined, paragraph, text, unfolded, words
from goodstanding.portal.web.person_view import View
from goodstanding.portal.web.wording import word
from services.scorer.core.reasons.figures import Language, day, money
from services.scorer.core.reasons.words import of_kind
from shared.contracts.explained import HeldRecord
from shared.contracts.kinds import KIND_OF
from shared.contracts.subject import REASONS


def records(view: View) -> Iterator[Html]:
    if not view.known.records:
        yield paragraph(word("records_none", view.language))
    if view.known.is_shortened:
        yield paragraph(word("records_shortened", view.language))
    for number, record in enumerate(view.known.records):
        yield Html(f"<article>{joined(_record(record, number, view))}</article>")


def _record(record: HeldRecord, number: int, view: View) -> Iterator[Html]:
    language = view.language
    kind = of_kind(record.kind)[0 if language == "en" else 1]
    amount = "" if record.amount is None else money(record.amount, view.currency, language)
    comma, colon = (", ", ": ") if language == "en" else ("，", "：")
    about = comma.join(filter(None, (f"{kind[0].upper()}{kind[1:]}", amount)))
    title = f"{about}{colon}{word(record.status, language)}"
    yield Html(f"<h3>{text(title)}</h3>")
    ended = "goes_on" if record.ended_on is None else "ended"
    days = (word("began", language, day=day(record.began_on, language)), _when(ended, record.ended_on, language))
    yield paragraph(("; " if language == "en" else "；").join(days))
    yield paragraph(word("provider", language, partner=record.partner, number=record.report_id), "quiet")
    yield paragraph(_countdown(record, view), "countdown")
    yield paragraph(_counting(record, view))
    if record.answer_by is not None:
        yield paragraph(_when("answer_by", record.answer_by, language))
    if record.statement is not None:
        yield paragraph(word("statement", language, text=record.statement))
    if view.acts:
        yield from _forms(record, number, view)


def _when(name: str, on: date | None, language: Language) -> str:
    return word(name, language, day="" if on is None else day(on, language))


def _counting(record: HeldRecord, view: View) -> str:
    if record.counts or record.counts_from is None or record.status in ("disputed", "unverifiable"):
        return word("counts" if record.counts else "counts_not", view.language)
    return word("counts_later", view.language, day=day(record.counts_from.astimezone(view.zone).date(), view.language))


def _countdown(record: HeldRecord, view: View) -> str:
    if record.lapses_at is None:
        return " ".join([word("gone_open", view.language), *_if_settled(record, view)])
    on = record.lapses_at.astimezone(view.zone).date()
    left = (on - view.today).days
    name = "gone_tomorrow" if left == 1 else "gone"
    return word(name, view.language, day=day(on, view.language), days=max(left, 0))


def _if_settled(record: HeldRecord, view: View) -> Iterator[str]:
    """When a record that goes on would be gone if it ended today."""
    kind = KIND_OF.get(record.kind)
    if view.found is not None and kind is not None and kind.record_class is not None:
        on = view.found.gone_if_settled.get(kind.record_class)
        if on is not None:
            yield word("gone_if_settled", view.language, day=day(on, view.language))


def _forms(record: HeldRecord, number: int, view: View) -> Iterator[Html]:
    language, id = view.language, f"r{number}"
    reasons = {str(each): word(each, language) for each in REASONS}
    fields = (
        choice(f"{id}-reason", "reason", word("reason", language), reasons),
        words(f"{id}-why", "text", word("text", language), required=False),
    )
    send = word("send_dispute", language)
    yield unfolded(
        word("dispute", language),
        form("/me/disputes", view.form_word, fields, send, record_id=record.record_id),
    )
    said = (words(f"{id}-said", "text", word("text", language), required=True),)
    send = word("send_statement", language)
    yield unfolded(
        word("add_statement", language),
        form("/me/statements", view.form_word, said, send, record_id=record.record_id),
    )
