"""A person's own page: everything that is known of the score and of the records, and what the person can do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, tzinfo
from html import escape

import msgspec

from goodstanding.person import page
from goodstanding.person.benefits import Line, describe
from goodstanding.person.explained import Explained, Fall
from goodstanding.person.page import section
from goodstanding.person.phrases import signed
from goodstanding.person.told import cause_lines, first_line, lines_of
from goodstanding.portal.ledger import Asked, Consent, Look, Permission
from goodstanding.portal.people import Known
from goodstanding.portal.web.html import Html, choice, document, form, joined, line, paragraph, text, unfolded, words
from goodstanding.portal.web.wording import looked_at, word
from services.benefits.core.table import TierTable
from services.scorer.core.reasons.figures import Language, day, money
from services.scorer.core.reasons.words import of_kind
from shared.contracts.explained import HeldRecord
from shared.contracts.kinds import KIND_OF
from shared.contracts.subject import REASONS

_TELL_MAX = 20
_PURPOSES = {"credit-standing": ("your credit standing", "信用评估")}
"""How a purpose is said to people; any other is said as the partner has it."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown, to whom. `form_word` is empty for somebody who may look and do nothing."""

    known: Known
    found: Explained | None
    falls: Sequence[Fall]
    table: TierTable
    permissions: Sequence[Permission]
    looks: Sequence[Look]
    consents: Sequence[Consent]
    told: Sequence[tuple[datetime, bytes]]
    asked: Sequence[Asked]
    subscribers: Sequence[str]
    language: Language
    currency: str
    zone: tzinfo
    today: date
    form_word: str = ""
    note: str = ""
    here: str = "/me"

    @property
    def acts(self) -> bool:
        return bool(self.form_word)


def person_page(view: View) -> str:
    """The whole document. It names nobody: whose page it is, its owner knows."""
    body = "\n".join(_parts(view))
    return document(word("title", view.language), view.language, body, here=view.here, leaves=True)


def _parts(view: View) -> Iterator[str]:
    language, found = view.language, view.found
    yield f"<h1>{escape(word('title', language))}</h1>"
    if view.note:
        yield f'<section class="note" role="status">{escape(view.note)}</section>'
    if found is None:
        yield f"<section>{escape(word('no_score', language))}</section>"
    else:
        charts = [
            ("drawing", word("chart_dimensions", language)),
            ("history", word("chart_history", language, first=found.history[0].score, last=found.score)),
        ]
        for part in page.sections(found, view.table, language, view.zone, lists_records=False):
            yield _named_drawings(part, charts)
        if view.falls:
            yield section(word("fallen", language), joined(_falls(view)))
        yield _history(found, view)
    if view.known.tier is not None or found is not None:
        yield section(word("benefits", language), _benefits(view))
    yield section(word("records", language), joined(_records(view)))
    yield section(word("answers", language), _told(view))
    yield section(word("access", language), joined(_access(view)))
    yield section(word("consent", language), joined(_consents(view)))
    if view.acts:
        yield section(word("yours", language), _yours(view))


def _named_drawings(part: str, charts: Sequence[tuple[str, str]]) -> str:
    """A drawing has a name for whoever hears the page."""
    for name, label in charts:
        part = part.replace(f'class="{name}" role="img"', f'class="{name}" role="img" aria-label="{escape(label)}"')
    return part


def _falls(view: View) -> Iterator[Html]:
    for fall in view.falls:
        on = day(fall.moved.as_of.astimezone(view.zone).date(), view.language)
        change, score = signed(fall.moved.change), fall.moved.score
        title = word("fell", view.language, day=on, change=change, score=score)
        lines = page.moved_list(lines_of(fall.by, view.language))
        yield Html(f"<article><h3>{text(title)}</h3>{lines}</article>")


def _history(found: Explained, view: View) -> str:
    language, zone = view.language, view.zone
    heads = "".join(
        f'<th scope="col">{escape(word(name, language))}</th>' for name in ("day", "score", "change", "causes")
    )
    rows = []
    for moved in reversed(found.history):
        lines = cause_lines(moved, language, zone) or [(0, first_line(moved, language))] * (moved.version == 1)
        causes = "; ".join(f"{signed(points)} {name}" if points else name for points, name in lines)
        cells = (day(moved.as_of.astimezone(zone).date(), language), moved.score, signed(moved.change), causes)
        rows.append(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>")
    inside = f'<div class="wide" tabindex="0"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'
    return f"<section>{unfolded(word('history_table', language), Html(inside))}</section>"


def _benefits(view: View) -> str:
    language, tier = view.language, view.known.tier
    reached = view.found.score if view.found else 0
    if tier is not None:
        described = describe(reached, tier.tier, tier.in_force, tier.restrictions, view.table, tier.falls_to)
    else:
        restrictions = view.found.restrictions if view.found else ()
        described = describe(reached, None, (), restrictions, view.table)
    names = {each.code: each.called(language) for level in view.table.tiers for each in level.benefits}
    rows = "".join(
        f"<tr><td>{escape(names.get(each.code, each.name))}</td><td>{escape(_status(each, language))}</td></tr>"
        for each in described.lines
    )
    heads = "".join(f'<th scope="col">{escape(word(name, language))}</th>' for name in ("benefit", "status"))
    falls = ""
    if tier is not None and tier.falls_at is not None:
        on = day(tier.falls_at.astimezone(view.zone).date(), language)
        falls = paragraph(word("falls", language, tier=described.tier or "", day=on))
    return f'{falls}<div class="wide" tabindex="0"><table><tr>{heads}</tr>{rows}</table></div>'


def _status(of: Line, language: Language) -> str:
    return word(of.status, language, points=of.from_score)


# -- records -----------------------------------------------------------------------------------------------------------


def _records(view: View) -> Iterator[Html]:
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


# -- what was told, who may look, and the data of the person ----------------------------------------------------------


def _told(view: View) -> str:
    """What was asked here, and what the person was answered and told, the latest first."""
    said = [(at, str(msgspec.json.decode(body).get(view.language, ""))) for at, body in view.told]
    said += [(each.at, word(f"asked_{each.request}", view.language)) for each in view.asked]
    rows = [
        f'<li><span class="quiet">{at.astimezone(view.zone):%Y-%m-%d %H:%M}</span><span>{escape(each)}</span></li>'
        for at, each in sorted(said, key=lambda each: each[0], reverse=True)[:_TELL_MAX]
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else paragraph(word("answers_none", view.language))


def _access(view: View) -> Iterator[Html]:
    language = view.language
    if not view.permissions:
        yield paragraph(word("access_none", language))
    for each in view.permissions:
        name, at = ("permitted", each.given_at) if each.withdrawn_at is None else ("permission_over", each.withdrawn_at)
        yield paragraph(word(name, language, who=each.subscriber, day=day(at.astimezone(view.zone).date(), language)))
        if view.acts and each.withdrawn_at is None:
            send = word("withdraw", language, who=each.subscriber)
            hidden = {"subscriber": each.subscriber}
            yield form("/me/permissions/withdraw", view.form_word, (), send, of="quiet-button", **hidden)
    left = {who: who for who in view.subscribers if not _permitted(who, view)}
    if view.acts and left:
        fields = (choice("permit-who", "subscriber", word("who", language), left),)
        made = form("/me/permissions", view.form_word, fields, word("send_permit", language))
        yield unfolded(word("permit", language), made)
    yield Html(f"<h3>{text(word('looks', language))}</h3>")
    if not view.looks:
        yield paragraph(word("looks_none", language))
        return
    heads = "".join(f'<th scope="col">{text(word(name, language))}</th>' for name in ("when", "looker", "what"))
    rows = "".join(
        f"<tr><td>{each.at.astimezone(view.zone):%Y-%m-%d %H:%M}</td>"
        f"<td>{text(each.who)}</td><td>{text(looked_at(each.what, language))}</td></tr>"
        for each in view.looks
    )
    yield Html(f'<div class="wide" tabindex="0"><table><tr>{heads}</tr>{rows}</table></div>')


def _permitted(who: str, view: View) -> bool:
    return any(each.subscriber == who and each.withdrawn_at is None for each in view.permissions)


def _consents(view: View) -> Iterator[Html]:
    language = view.language
    yield paragraph(word("consent_explained", language))
    if not view.consents:
        yield paragraph(word("consents_none", language))
    for each in view.consents:
        yield Html(f"<article>{joined(_consent(each, view))}</article>")
    if not view.acts:
        return
    fields = (
        line("consent-partner", "partner", word("partner", language)),
        line("consent-id", "consent_id", word("consent_id", language)),
    )
    made = form("/me/withdrawals", view.form_word, fields, word("send_consent", language))
    yield unfolded(word("consent_other", language), made)


def _consent(consent: Consent, view: View) -> Iterator[Html]:
    language, number = view.language, consent.consent_id
    title = word("consent_to", language, partner=consent.partner, number=number)
    yield Html(f"<h3>{text(title)}</h3>")
    if consent.given_at is None:
        yield paragraph(word("consent_unused", language))
    else:
        purpose = _PURPOSES.get(consent.purpose or "", (consent.purpose or "",) * 2)[0 if language == "en" else 1]
        given = _local_day(consent.given_at, view)
        yield paragraph(word("consent_given", language, purpose=purpose, day=given))
    if consent.withdrawn_at is not None:
        yield paragraph(word("consent_over", language, day=_local_day(consent.withdrawn_at, view)))
    elif view.acts:
        send = word("take_back", language, number=number)
        hidden = {"partner": consent.partner, "consent_id": number}
        yield form("/me/withdrawals", view.form_word, (), send, of="quiet-button", **hidden)


def _local_day(at: datetime, view: View) -> str:
    return day(at.astimezone(view.zone).date(), view.language)


def _yours(view: View) -> str:
    language = view.language
    sure = Html(
        '<label class="check"><input type="checkbox" name="sure" value="yes" required>'
        f"<span>{text(word('erase_sure', language))}</span></label>"
    )
    erase = form("/me/erasures", view.form_word, (sure,), word("erase", language), of="danger")
    return joined(
        (
            f'<p><a href="/me/data.json" download>{text(word("download", language))}</a></p>',
            form("/me/exports", view.form_word, (), word("export", language), of="quiet-button"),
            unfolded(word("erase", language), joined((paragraph(word("erase_explained", language)), erase))),
        )
    )
