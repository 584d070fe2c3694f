"""A person's own page: everything that is known of the score and of the records, and what the person can do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from html import escape
from typing import Any

import msgspec

from goodstanding.person import page
from goodstanding.person.benefits import Line, describe
from goodstanding.person.explained import Explained
from goodstanding.person.held import SHOWN
from goodstanding.person.phrases import phrase, signed
from goodstanding.person.told import cause_lines, first_line, lines_of
from goodstanding.portal.ledger import Consent
from goodstanding.portal.web.html import Html, choice, document, form, joined, line, paragraph, text, unfolded
from goodstanding.portal.web.person_records import records
from goodstanding.portal.web.person_view import View
from goodstanding.portal.web.wording import looked_at, word
from services.scorer.core.reasons.figures import Language, day
from shared.contracts.subject import ErasureReceipt

_TELL_MAX = 20
_PARTS = ("hints", "fallen", "benefits", "records", "answers", "access", "consent", "yours")
"""Those that can be jumped to, in their order."""
_PURPOSES = {"credit standing": ("your credit standing", "信用评估")}
"""How a purpose is said to people; any other is said as the partner has it."""


def person_page(view: View) -> str:
    """The whole document. It names nobody: whose page it is, its owner knows."""
    body = "\n".join(_parts(view))
    return document(word("title", view.language), view.language, body, here=view.here, leaves=True)


def blank_page(
    next_publication: date | None, erased_by: Mapping[str, ErasureReceipt | None], language: Language, *, here: str
) -> str:
    """Of somebody of whom the portal holds nothing. `erased_by` has the requests by which it knows of an erasure, with
    their receipts."""
    receipts = [*erased_by.values()]
    has_receipt = bool(receipts) and receipts[-1] is not None
    if not erased_by:
        said = [_coming("nothing", next_publication, language), word("nothing_of_erased", language)]
    else:
        name = "erased" if has_receipt else "erased_lately"
        said = [word(name, language, id=", ".join(erased_by)), _coming("erased_since", next_publication, language)]
    link = _download("/me/receipt.json", "receipt", language) if has_receipt and here == "/me" else ""
    title = word("title", language)
    body = f"<h1>{escape(title)}</h1><section>{joined((*map(paragraph, said), link))}</section>"
    return document(title, language, body, here=here, leaves=True)


def _coming(name: str, on: date | None, language: Language) -> str:
    """What is said of the next score: it comes on that day, or else at once."""
    return word(f"{name}_at_once", language) if on is None else word(name, language, day=day(on, language))


def _parts(view: View) -> Iterator[str]:
    language, found = view.language, view.found
    yield f"<h1>{escape(word('title', language))}</h1>"
    if view.note:
        yield f'<section class="note" role="status">{escape(view.note)}</section>'
    yield _jumps(view)
    if view.known.records:
        yield _records_held(view)
    if found is None:
        yield f"<section>{escape(_coming('no_score', view.next_publication, language))}</section>"
    else:
        charts = [
            ("drawing", word("chart_dimensions", language)),
            ("history", word("chart_history", language, first=found.history[0].score, last=found.score)),
        ]
        for part in page.sections(found, view.table, language, view.zone, lists_records=False):
            yield _named_drawings(part, charts)
        yield _part("fallen", language, joined(_falls(view)))
        yield _history(found, view)
    if view.known.tier is not None or found is not None:
        yield _part("benefits", language, _benefits(view))
    yield _part("records", language, joined(records(view)))
    yield _part("answers", language, _told(view))
    yield _part("access", language, joined(_access(view)))
    yield _part("consent", language, joined(_consents(view)))
    if view.acts:
        yield _part("yours", language, _yours(view))


def _part(name: str, language: Language, body: str) -> str:
    """One that can be jumped to; `body` is HTML."""
    return f'<section id="{name}"><h2>{escape(word(name, language))}</h2>{body}</section>'


def _jumps(view: View) -> str:
    has = {
        "hints": view.found is not None and view.found.hints is not None,
        "fallen": view.found is not None,
        "benefits": view.known.tier is not None or view.found is not None,
        "yours": view.acts,
    }
    links = " ".join(
        f'<a href="#{name}">{escape(_named(name, view.language))}</a>' for name in _PARTS if has.get(name, True)
    )
    return f'<nav class="jumps" aria-label="{escape(word("parts", view.language))}">{links}</nav>'


def _named(part: str, language: Language) -> str:
    return phrase("hints", language) if part == "hints" else word(part, language)


def _records_held(view: View) -> str:
    held = view.known.records
    said = word("records_held", view.language, held=len(held), counting=sum(each.counts for each in held))
    return f'<section class="warning"><a href="#records">{escape(said)}</a></section>'


def _named_drawings(part: str, charts: Sequence[tuple[str, str]]) -> str:
    """A drawing has a name for whoever hears the page."""
    for name, label in charts:
        part = part.replace(f'class="{name}" role="img"', f'class="{name}" role="img" aria-label="{escape(label)}"')
    return part


def _falls(view: View) -> Iterator[Html]:
    if not view.falls:
        yield paragraph(word("fallen_never", view.language))
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
        on = day(moved.as_of.astimezone(zone).date(), language)
        figures = "".join(
            f'<td class="at">{escape(str(cell))}</td>' for cell in (on, moved.score, signed(moved.change))
        )
        rows.append(f"<tr>{figures}<td>{escape(causes)}</td></tr>")
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


def _told(view: View) -> str:
    """What was asked here, and what the person was answered and told, the latest first, with the number of the record
    that it is about, as long as that is held."""
    said = [(at, _said(msgspec.json.decode(body), view)) for at, body in view.told]
    said += [
        (each.at, _about(each.record_id, word(f"asked_{each.request}", view.language), view)) for each in view.asked
    ]
    rows = [
        f'<li><span class="quiet at">{at.astimezone(view.zone):%Y-%m-%d %H:%M}</span><span>{escape(each)}</span></li>'
        for at, each in sorted(said, key=lambda each: each[0], reverse=True)[:_TELL_MAX]
    ]
    return f"<ul>{''.join(rows)}</ul>" if rows else paragraph(word("answers_none", view.language))


def _said(told: Mapping[str, Any], view: View) -> str:
    said = str(told.get(view.language, ""))
    if told.get("request") == "export":
        return word("about_request", view.language, said=said, id=str(told.get("request_id", ""))[:SHOWN])
    return _about(told.get("record_id"), said, view)


def _about(record_id: str | None, said: str, view: View) -> str:
    held = next((each for each in view.known.records if each.record_id == record_id), None)
    if held is None:
        return said
    return word("about_record", view.language, said=said, partner=held.partner, number=held.report_id)


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
        f'<tr><td class="at">{each.at.astimezone(view.zone):%Y-%m-%d %H:%M}</td>'
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
        stated = consent.purpose or ""
        purpose = _PURPOSES.get(stated.lower().replace("-", " "), (stated, stated))[0 if language == "en" else 1]
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


def _download(address: str, name: str, language: Language) -> str:
    return f'<p><a href="{address}" download>{text(word(name, language))}</a></p>'


def _yours(view: View) -> str:
    language = view.language
    sure = Html(
        '<label class="check"><input type="checkbox" name="sure" value="yes" required>'
        f"<span>{text(word('erase_sure', language))}</span></label>"
    )
    erase = form("/me/erasures", view.form_word, (sure,), word("erase", language), of="danger")
    return joined(
        (
            _download("/me/data.json", "download", language),
            paragraph(word("export_explained", language)),
            form("/me/exports", view.form_word, (), word("export", language), of="quiet-button"),
            unfolded(word("erase", language), joined((paragraph(word("erase_explained", language)), erase))),
        )
    )
