"""The records on a person's own page: what each is, when it is gone, and what the person can say about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from goodstanding.person.held import state_of
from goodstanding.portal.web.html import Html, choice, form, joined, paragraph, text, unfolded, words
from goodstanding.portal.web.person_view import View
from goodstanding.portal.web.wording import word
from services.scorer.core.reasons.figures import Language, counted, day, money
from services.scorer.core.reasons.words import of_kind
from shared.contracts.explained import HeldRecord, SaidAgainst
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
    title = f"{about}{colon}{word(state_of(record.status, record.ended_on), language)}"
    yield Html(f"<h3>{text(title)}</h3>")
    ended = "goes_on" if record.ended_on is None else "ended"
    days = (word("began", language, day=day(record.began_on, language)), _when(ended, record.ended_on, language))
    yield paragraph(("; " if language == "en" else "；").join(days))
    yield paragraph(word("provider", language, partner=record.partner, number=record.report_id), "quiet")
    yield paragraph(_countdown(record, view), "countdown")
    yield paragraph((" " if language == "en" else "").join([_counting(record, view), *_cost(record, view)]))
    if record.answer_by is not None:
        yield paragraph(_when("answer_by", record.answer_by, language))
    if record.status == "disputed":
        yield paragraph(word(f"dispute_{view.unverifiable}", language))
    for each in record.said_against:
        yield paragraph(_in_words(each, language))
    if record.statement is not None:
        yield paragraph(word("statement", language, text=record.statement))
    if view.acts:
        yield from _forms(record, number, view)


def _in_words(said: SaidAgainst, language: Language) -> str:
    known = said.reason if said.reason in REASONS else "other"
    reason = word(known, language)
    if said.text is None:
        return word("said_against", language, reason=reason)
    if known == "other":
        return word("said_against_other", language, text=said.text)
    return word("said_against_told", language, reason=reason, text=said.text)


def _cost(record: HeldRecord, view: View) -> Iterator[str]:
    if record.record_id in view.costs:
        points = view.costs[record.record_id].points
        name = "costs" if points else "costs_nothing"
        yield word(name, view.language, points=counted(points, view.language))


def _when(name: str, on: date | None, language: Language) -> str:
    return word(name, language, day="" if on is None else day(on, language))


def _counting(record: HeldRecord, view: View) -> str:
    if record.counts or record.counts_from is None or record.status in ("disputed", "unverifiable"):
        return word("counts" if record.counts else "counts_not", view.language)
    return word("counts_later", view.language, day=day(record.counts_from.astimezone(view.zone).date(), view.language))


def _countdown(record: HeldRecord, view: View) -> str:
    if record.lapses_at is None:
        blank = " " if view.language == "en" else ""
        return blank.join([word("gone_open", view.language), *_if_settled(record, view)])
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
            cost = view.costs.get(record.record_id)
            if cost is None or cost.if_settled is None:
                yield word("gone_if_settled", view.language, day=day(on, view.language))
            else:
                points = counted(cost.if_settled, view.language)
                yield word("gone_if_settled_costs", view.language, points=points, day=day(on, view.language))


def _forms(record: HeldRecord, number: int, view: View) -> Iterator[Html]:
    language, id = view.language, f"r{number}"
    if record.status == "disputed":
        yield paragraph(word("dispute_adds", language))
    else:
        yield _dispute_form(record, id, language, view.form_word)
    said = (words(f"{id}-said", "text", word("text", language), required=True),)
    send = word("send_statement", language)
    yield unfolded(
        word("add_statement", language),
        form("/me/statements", view.form_word, said, send, record_id=record.record_id),
    )


def _dispute_form(record: HeldRecord, id: str, language: Language, form_word: str) -> Html:
    reasons = {str(each): word(each, language) for each in REASONS}
    fields = (
        choice(f"{id}-reason", "reason", word("reason", language), reasons),
        words(f"{id}-why", "text", word("text", language), required=False),
    )
    send = word("send_dispute", language)
    return unfolded(
        word("dispute", language),
        form("/me/disputes", form_word, fields, send, record_id=record.record_id),
    )
