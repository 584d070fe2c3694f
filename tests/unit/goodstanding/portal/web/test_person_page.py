"""A page says it all in both languages, adds up, and lets nothing that others wrote become anything but text."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from html.parser import HTMLParser
from typing import Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
import pytest

from goodstanding import policies
from goodstanding.person.explained import FALLS_MAX
from goodstanding.person.phrases import signed
from goodstanding.portal.policies import Policies
from goodstanding.portal.web.html import STYLESHEET
from goodstanding.portal.web.person_page import blank_page, person_page
from goodstanding.portal.web.person_view import View
from goodstanding.portal.web.wording import _BOTH, word
from services.scorer.core.reasons.figures import Language, counted, day
from shared.contracts.subject import REASONS, Ask, ErasureReceipt
from tests.support.people import SHIPPED
from tests.support.portal_views import LIVES, NEXT_PUBLICATION, WORD, view

LANGUAGES: tuple[Language, ...] = ("en", "zh")
BOTH = pytest.mark.parametrize("language", LANGUAGES)


class Read(HTMLParser):
    """What a browser would make of the page: tags with their attributes, ids, and the text."""

    _ALONE = frozenset({"meta", "link", "input", "img", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self._ALONE:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, "tags are nested"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(of: View) -> Read:
    found = Read()
    found.feed(person_page(of))
    assert found._open == []
    return found


@BOTH
@pytest.mark.parametrize("who", LIVES)
def test_a_page_is_well_formed_and_has_nothing_from_elsewhere(who: str, language: Language) -> None:
    found = read(view(who, language))
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "base", "style"}
    for tag, attributes in found.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("href", "src", "action"):
            assert not attributes.get(name, "#") or (attributes.get(name) or "#")[0] in "/#", "only of this place"
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labelled = {attributes.get("for") for tag, attributes in found.tags if tag == "label"}
    for tag, attributes in found.tags:
        if tag in ("select", "textarea") or (tag == "input" and attributes.get("type") == "text"):
            assert attributes["id"] in labelled
    assert "url(" not in STYLESHEET
    assert "@import" not in STYLESHEET


@BOTH
def test_what_others_wrote_stays_text(language: Language) -> None:
    found = read(view("hostile", language))
    text = "".join(found.text)
    assert text.count("<script>alert(1)</script>") >= 4, "it is shown as it was written"


@BOTH
def test_the_points_on_the_page_add_up(language: Language) -> None:
    of = view("with-record", language)
    assert of.found is not None
    assert sum(reason.points for reason in of.found.reasons) == of.found.score
    text = "".join(read(of).text)
    assert f"{of.found.score}" in text
    assert all(reason.sentence in text for reason in of.found.reasons)


@BOTH
def test_a_record_has_its_countdown_to_the_day_and_its_state(language: Language) -> None:
    of = view("disputed", language)
    [record] = of.known.records
    assert record.lapses_at is not None
    left = (record.lapses_at.astimezone(of.zone).date() - of.today).days
    text = "".join(read(of).text)
    assert str(left) in text
    assert word("disputed", language) in text
    assert "I had cancelled it in time." in text
    going_on = view("restricted", language)
    assert going_on.found is not None
    text = "".join(read(going_on).text)
    assert word("gone_open", language) in text
    # A court's listing is one of the class `legal`.
    gone = day(going_on.found.gone_if_settled["legal"], language)
    [cost] = going_on.costs.values()
    assert cost.if_settled is not None
    assert 0 < cost.if_settled < cost.points
    assert word("costs", language, points=counted(cost.points, language)) in text
    points = counted(cost.if_settled, language)
    assert word("gone_if_settled_costs", language, points=points, day=gone) in text
    without = "".join(read(msgspec.structs.replace(going_on, costs={})).text)
    assert word("gone_if_settled", language, day=gone) in without


@BOTH
def test_a_record_that_is_checked_says_what_comes_and_is_not_disputed_again(language: Language) -> None:
    """(rules R17, R19)"""
    of = view("disputed", language)
    for unverifiable in ("deletes", "stands"):
        page = person_page(msgspec.structs.replace(of, unverifiable=unverifiable))
        assert word(f"dispute_{unverifiable}", language) in page
        assert "/me/disputes" not in page
        assert "/me/statements" in page
    assert "/me/disputes" in person_page(view("with-record", language))


@BOTH
def test_what_the_person_said_against_a_record_is_shown_in_the_persons_words(language: Language) -> None:
    of = view("disputed", language)
    text = "".join(read(of).text)
    [record] = of.known.records
    bare, told, other = record.said_against
    assert word("said_against", language, reason=word(bare.reason, language)) in text
    assert word("said_against_told", language, reason=word(told.reason, language), text=told.text) in text
    assert word("said_against_other", language, text=other.text) in text


@BOTH
def test_what_ends_at_once_is_settled_as_its_reasons_say(language: Language) -> None:
    """(rules R5)"""
    of = view("with-record", language)
    [record] = of.known.records
    ended = replace(record, kind="hotel.no_show", status="open")
    for held, wanted in ((ended, "settled"), (replace(ended, ended_on=None), "open")):
        page = person_page(msgspec.structs.replace(of, known=replace(of.known, records=(held,))))
        part = page.split('id="records"')[1].split("</section>")[0]
        [title] = re.findall(r"<article><h3>([^<]*)</h3>", part)
        assert title.endswith(word(wanted, language))


@BOTH
@pytest.mark.parametrize("who", LIVES)
def test_each_part_can_be_jumped_to_and_records_are_announced_at_the_top(who: str, language: Language) -> None:
    of = view(who, language)
    for shown in (of, msgspec.structs.replace(of, found=None, falls=(), form_word="", costs={})):
        found = read(shown)
        ids = {attributes["id"] for tag, attributes in found.tags if tag == "section" and "id" in attributes}
        links = {attributes["href"] for tag, attributes in found.tags if tag == "a"}
        assert {f"#{id}" for id in ids} == {each for each in links if each and each.startswith("#")} - {"#content"}
        held = of.known.records
        counting = sum(each.counts for each in held)
        announced = word("records_held", language, held=len(held), counting=counting) in "".join(found.text)
        assert announced == bool(held)


@BOTH
def test_who_may_only_look_gets_no_form(language: Language) -> None:
    found = read(view("disputed", language, acts=False))
    assert "form" not in {tag for tag, _ in found.tags}


@BOTH
def test_where_not_everything_fits_the_page_says_so(language: Language) -> None:
    found = view("disputed", language)
    shortened = msgspec.structs.replace(found, known=replace(found.known, is_shortened=True))
    sentence = word("records_shortened", language)
    assert sentence not in "".join(read(found).text)
    assert sentence in "".join(read(shortened).text)
    assert any(each.statement for each in shortened.known.records)
    # What was said in a dispute is left out first, and statements may still be shown.
    assert not re.search("that your statements|此处未列出您的声明", sentence)


@BOTH
@pytest.mark.parametrize("who", LIVES)
def test_each_form_posts_with_the_word_of_the_session(who: str, language: Language) -> None:
    found = read(view(who, language))
    forms = [attributes for tag, attributes in found.tags if tag == "form"]
    words = [attributes for tag, attributes in found.tags if attributes.get("name") == "word"]
    assert all(each["method"] == "post" for each in forms)
    assert len(words) == len(forms) > 0
    assert {each["value"] for each in words} == {WORD}


@BOTH
def test_each_fall_says_when_by_how_much_and_why(language: Language) -> None:
    of = view("with-record", language)
    assert of.found is not None
    falls = [moved for moved in of.found.history if moved.change < 0]
    assert [fall.moved for fall in of.falls] == falls[::-1][:FALLS_MAX]
    assert len(of.falls) >= 2
    text = "".join(read(of).text)
    for fall in of.falls:
        on = day(fall.moved.as_of.astimezone(of.zone).date(), language)
        assert word("fell", language, day=on, change=signed(fall.moved.change), score=fall.moved.score) in text
        assert sum(each.points for each in fall.by) == fall.moved.change
        for each in fall.by:
            assert sum(points for points, _ in each.items) + each.others_points == each.points
            assert all(sentence in text for _, sentence in each.items)


@BOTH
def test_who_looks_for_a_fall_that_never_was_is_told_so(language: Language) -> None:
    for who, has_fallen in (("newcomer", False), ("excellent", False), ("with-record", True)):
        found = read(view(who, language))
        assert ("a", {"href": "#fallen"}) in found.tags
        assert (word("fallen_never", language) in "".join(found.text)) is not has_fallen, who


@BOTH
def test_the_excellent_life_is_excellent(language: Language) -> None:
    """Or nobody has looked at a page with every benefit open and no way up."""
    of = view("excellent", language)
    assert of.found is not None
    assert of.found.score >= of.table.tiers[-1].from_score


@BOTH
def test_a_consent_says_to_whom_for_what_since_when_and_whether_it_was_taken_back(language: Language) -> None:
    """(rules I10)"""
    of = view("newcomer", language)
    found = read(of)
    text = "".join(found.text)
    for each in of.consents:
        assert word("consent_to", language, partner=each.partner, number=each.consent_id) in text
        for at in (each.given_at, each.withdrawn_at):
            assert at is None or day(at.astimezone(of.zone).date(), language) in text
    assert word("consent_unused", language) in text
    hidden = [
        of["value"] for tag, of in found.tags if tag == "input" and of.get("name") == "consent_id" and "value" in of
    ]
    assert hidden == ["consent-2025-0001"], "what was taken back is not taken back again"
    none = "".join(read(msgspec.structs.replace(of, consents=())).text)
    assert word("consents_none", language) in none


@BOTH
def test_nobody_without_a_score_sees_that_the_first_one_comes(language: Language) -> None:
    of = msgspec.structs.replace(view("newcomer", language), found=None)
    assert word("no_score", language, day=day(NEXT_PUBLICATION, language)) in "".join(read(of).text)
    continuous = msgspec.structs.replace(of, next_publication=None)
    assert word("no_score_at_once", language) in "".join(read(continuous).text)


@BOTH
def test_where_scores_come_at_once_a_page_of_nobody_names_no_day(language: Language) -> None:
    unknown = blank_page(None, {}, language, here="/me")
    erased = blank_page(None, {"r-17": None}, language, here="/me")
    assert word("nothing_at_once", language) in unknown
    assert word("erased_since_at_once", language) in erased


@pytest.mark.parametrize(("cadence", "on"), [("monthly", date(2026, 12, 6)), ("continuous", None)])
def test_a_day_of_the_next_publication_is_named_where_scores_are_published_monthly(
    cadence: Literal["monthly", "continuous"], on: date | None
) -> None:
    cards = (msgspec.structs.replace(SHIPPED, cadence=cadence),)
    of = Policies(cards, (), policies.profile("cn"), ZoneInfo("Asia/Shanghai"), "CNY")
    assert of.next_publication(datetime(2026, 11, 30, 21, tzinfo=UTC)) == on


@pytest.mark.parametrize(("day_now", "on"), [(1, date(2026, 12, 6)), (3, None)])
def test_until_scores_come_at_once_the_monthly_run_is_the_next_publication(day_now: int, on: date | None) -> None:
    """It takes place also if the scorecard has changed by then, and gives a first score to whoever has none."""
    later = msgspec.structs.replace(SHIPPED, effective_on=date(2026, 12, 3), cadence="continuous")
    of = Policies((SHIPPED, later), (), policies.profile("cn"), ZoneInfo("Asia/Shanghai"), "CNY")
    assert of.next_publication(datetime(2026, 12, day_now, 12, tzinfo=UTC)) == on


@BOTH
def test_what_was_asked_and_told_names_its_record_as_long_as_that_is_held(language: Language) -> None:
    of = view("disputed", language)
    [held] = of.known.records
    told = [
        (of.told[0][0], msgspec.json.encode({"en": "One.", "zh": "One.", "record_id": held.record_id})),
        (of.told[0][0], msgspec.json.encode({"en": "Other.", "zh": "Other.", "record_id": "0" * 32})),
        (of.told[0][0], msgspec.json.encode({"en": "None.", "zh": "None."})),
        (of.told[0][0], msgspec.json.encode({"en": "All.", "zh": "All.", "request": "export", "request_id": "9" * 36})),
    ]
    text = read(msgspec.structs.replace(of, told=told)).text
    number = {"partner": held.partner, "number": held.report_id}
    asked = word("asked_dispute", language)
    assert word("about_record", language, said="One.", **number) in text
    assert word("about_record", language, said=asked, **number) in text
    assert word("about_request", language, said="All.", id="9" * 8) in text
    assert {"Other.", "None."} <= {*text}


@BOTH
def test_a_page_of_nobody_says_when_the_next_publication_is_or_that_the_person_was_erased(language: Language) -> None:
    on = NEXT_PUBLICATION
    unknown = blank_page(on, {}, language, here="/me")
    assert word("nothing", language, day=day(on, language)) in unknown
    now = datetime.now(UTC)
    receipt = ErasureReceipt(what="person", erased_at=now, stores=("scorer",), digest="0" * 64, request_id="r-17")
    cases: list[tuple[str, dict[str, ErasureReceipt | None], str, bool]] = [
        ("erased_lately", {"r-17": None}, "/me", False),
        ("erased_lately", {"r-16": receipt, "r-17": None}, "/me", False),
        ("erased", {"r-16": None, "r-17": receipt}, "/me", True),
        ("erased", {"r-17": receipt}, "/desk", False),
    ]
    for name, erased_by, here, has_receipt in cases:
        erased = blank_page(on, erased_by, language, here=here)
        assert word(name, language, id=", ".join(erased_by)) in erased
        assert word("nothing", language, day=day(on, language)) not in erased
        assert ("/me/receipt.json" in erased) == has_receipt


@BOTH
def test_a_benefit_that_a_record_closes_says_so_however_low_the_score_is(language: Language) -> None:
    of = view("restricted", language)
    assert of.found is not None
    assert of.found.closed
    rows = dict(re.findall("<tr><td>([^<]*)</td><td>([^<]*)</td></tr>", person_page(of)))
    assert {rows[escape(name)] for name in of.found.closed} == {word("restricted", language)}


def test_each_word_has_both_languages_with_the_same_values() -> None:
    for name, (english, chinese) in _BOTH.items():
        assert english, name
        assert chinese, name
        if name != "other_language":
            assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), name
    assert all(word(each, "zh") for each in REASONS)


@BOTH
def test_a_record_that_does_not_count_yet_says_from_which_day_it_does(language: Language) -> None:
    """(rules R22) Where a dispute keeps it from counting too, no day is promised."""
    of = view("with-record", language)
    [record] = of.known.records
    counts_from = datetime.combine(of.today + timedelta(days=7), time(), of.zone)
    later = day(of.today + timedelta(days=7), language)
    cases: tuple[tuple[Literal["open", "disputed"], str], ...] = (
        ("open", word("counts_later", language, day=later)),
        ("disputed", word("counts_not", language)),
    )
    for status, wanted in cases:
        held = replace(record, status=status, counts=False, counts_from=counts_from)
        known = replace(of.known, records=(held,))
        assert wanted in "".join(read(msgspec.structs.replace(of, known=known)).text)


def test_what_was_asked_here_stands_beside_what_was_answered() -> None:
    """For the person, and for support, which sees the same; every request has its words."""
    for acts in (True, False):
        page = person_page(view("disputed", "en", acts=acts))
        asked, told = page.index("You said that a record is wrong."), page.index("A record about you was reported.")
        assert asked < told, "the latest first"
    assert all(word(f"asked_{each}", "zh") for each in get_args(Ask))
