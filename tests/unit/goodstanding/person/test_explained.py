"""An explanation as one value, as a page, and in the terminal (rules S21 to S24)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from goodstanding import policies
from goodstanding.person import charts
from goodstanding.person.advice import advised
from goodstanding.person.explained import Explained, ahead_of, explained, falls
from goodstanding.person.page import page
from goodstanding.person.phrases import _BOTH
from goodstanding.person.setting import Setting
from goodstanding.person.told import advice_line, outlook_line
from services.scorer.core import score
from services.scorer.core.decide import Person
from services.scorer.core.explain import Published
from services.scorer.core.messages import Message
from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.hints import Present, hints
from services.scorer.core.reasons.sentences import Wording
from services.scorer.core.scorecard_parts import Named
from services.scorer.core.state import decode
from tests.support.lives import after_two_years, from_nothing
from tests.support.people import JAN, ME, SHIPPED, ZONE, day, event, news, record
from tests.support.publications import published

TIERS = policies.tier_table()
TODAY = day(JAN + 1, 10).date()


def life(months: int = 6, *others: Message) -> tuple[Person, list[Published]]:
    """A person who pays a card every month up to January, late once, and what was published."""

    def monthly(month: int) -> list[Message]:
        return [event("credit_card.repayment", day(month), days_late=12 if month == JAN else 0)]

    return published(months, monthly, *others)


def setting(language: Language = "en", *, has_policy: bool = True) -> Setting:
    cards = {SHIPPED.id: SHIPPED} if has_policy else {}
    return Setting(
        cards=cards,
        in_force=SHIPPED,
        tiers=TIERS,
        language=language,
        currency="CNY",
        zone=ZONE,
        profile=policies.profile("cn"),
    )


def of(person: Person, rows: Sequence[Published], its: Setting) -> Explained:
    ahead = ahead_of(Present(decode(person.state), person.circle, JAN + 1), its, TODAY)
    return explained(rows, ahead, its, TODAY)


def test_it_sums_up() -> None:
    found = of(*life(6, news(record("ride.unpaid"))), setting())
    assert found.base + found.bounds + sum(each.points for each in found.dimensions) == found.score
    assert sum(reason.points for reason in found.reasons) == found.score
    assert all(each.points + each.lost + each.not_known == each.share for each in found.dimensions)
    assert [moved.score for moved in found.history][-1] == found.score
    assert all(sum(moved.causes.values()) == moved.change for moved in found.history)
    assert [cost.kind for cost in found.records] == ["ride.unpaid"]


def test_each_column_of_all_items_sums_to_its_head() -> None:
    """Of every fourth life of the page. A cap takes something of some, and limits, a ceiling or the floor of others."""
    for each in [*from_nothing(), *after_two_years()][::4]:
        [evaluation] = each.after([12])
        row = Published(
            version=1,
            as_of=day(JAN, 6, 0),
            run=None,
            policy=SHIPPED.id,
            evaluation=score.encode(evaluation),
            evaluation_before=None,
        )
        found = explained([row], None, setting(), TODAY)
        told = found.reasons
        assert sum(reason.points for reason in told) == found.score, each.name
        assert sum(reason.best for reason in told) == charts.BEST, each.name
        assert sum(reason.not_known for reason in told) == sum(of.not_known for of in found.dimensions), each.name
        assert sum(reason.lost for reason in told) == sum(of.lost for of in found.dimensions) - found.bounds, each.name
        for of_one in found.dimensions:
            own = [reason for reason in told if reason.dimension == of_one.code]
            assert (sum(reason.lost for reason in own), sum(reason.not_known for reason in own)) == (
                of_one.lost,
                of_one.not_known,
            ), each.name
        assert all(reason.lost + reason.not_known == reason.best - reason.points for reason in told), each.name


def test_what_a_cap_would_take_is_not_said_to_be_open() -> None:
    small = [event("donation.made", day(JAN - back)) for back in range(12)]
    found = of(*life(24, *small), setting())
    assert all(min(each.lost, each.not_known) >= 0 for each in found.dimensions)
    variety = next(reason for reason in found.reasons if reason.code == "variety")
    behavior = next(each for each in found.dimensions if each.code == "behavior")
    assert behavior.lost >= variety.lost > 0


def test_the_way_to_the_next_tier_names_what_reaches_it() -> None:
    found = of(*life(24), setting())
    assert found.next_tier is not None
    assert found.next_tier.missing == found.next_tier.begins_at - found.score > 0
    assert found.hints is not None
    reaching = [hint for hint in found.hints if hint.score >= found.next_tier.begins_at]
    assert (found.next_tier.reached_by is not None) == bool(reaching)


def test_of_a_day_in_the_past_nothing_is_said_of_what_comes() -> None:
    _, rows = life()
    found = explained(rows[:3], None, setting(), TODAY)
    assert (found.hints, found.records) == (None, ())
    assert len(found.history) == 3


def test_without_its_policy_a_score_is_still_shown() -> None:
    found = of(*life(), setting(has_policy=False))
    assert found.dimensions == ()
    assert sum(reason.points for reason in found.reasons) == found.score
    assert "<svg" in page(found, TIERS, "en", ZONE)


def test_what_moved_a_score_is_told_by_cause_and_item_and_sums_to_the_change() -> None:
    found = of(*life(6), setting())
    last = found.history[found.moved_at]
    assert last.change < 0, "the last payment was late"
    assert found.moved[0].name == "January 2026, which counts now"
    assert sum(moved.points for moved in found.moved) == last.change
    for moved in found.moved:
        assert sum(points for points, _ in moved.items) + moved.others_points == moved.points
    assert any("counts as 12 days today" in text for moved in found.moved for _, text in moved.items)


def test_a_change_says_what_was_measured_before_where_its_sentence_would_not() -> None:
    """All of these bikes were returned on time, before as now; they are fewer."""

    def monthly(month: int) -> list[Message]:
        return [event("bike_rental.return", day(month), days_late=0)] if month < JAN - 18 else []

    for language, said in (("en", "known so far. (before: 2 known)"), ("zh", "计全分。（此前：已知 2 期）")):
        its = setting("zh" if language == "zh" else "en")
        found = of(*published(25, monthly), its)
        kept = [text for moved in found.moved for points, text in moved.items if points < 0 and said in text]
        assert kept, [moved.items for moved in found.moved]


@pytest.mark.parametrize(("language", "then"), [("en", "Then: “"), ("zh", "当时：“")])
def test_what_an_old_fall_calls_today_is_not_said_of_today(language: Language, then: str) -> None:
    def monthly(month: int) -> list[Message]:
        days = 12 if month in (JAN - 3, JAN) else 0
        return [event("credit_card.repayment", day(month), days_late=days)]

    _, rows = published(8, monthly)
    found = explained(rows, None, setting(language), TODAY)
    last, *earlier = falls(rows, found, setting(language))
    assert not any(text.startswith(then) for by in last.by for _, text in by.items)
    assert earlier
    assert all(text.startswith(then) for fall in earlier for by in fall.by for _, text in by.items)
    assert any("12" in text for by in last.by for _, text in by.items)


def test_a_change_is_still_told_when_the_score_has_stayed_since() -> None:
    person, rows = life(3, news(record("court.listing")))
    then, found = of(person, rows[:-1], setting()), of(person, rows, setting())
    assert then.history[-1].change < 0
    assert found.history[-1].change == 0
    assert found.moved_at == len(rows) - 2
    assert found.moved == then.moved
    assert "It has not changed since" in page(found, TIERS, "en", ZONE)


def test_a_restriction_is_told_by_what_it_closes() -> None:
    found = of(*life(3, news(record("court.listing"))), setting("zh"))
    assert "先享后付" in found.closed
    assert "共享单车免押金" not in found.closed
    assert all(name in page(found, TIERS, "zh", ZONE) for name in found.closed)


def test_an_open_record_says_until_when_it_would_count_if_it_were_settled_today() -> None:
    found = of(*life(3, news(record("court.listing"))), setting())
    assert found.gone_if_settled["legal"].isoformat() == "2031-02-11"
    assert "be gone on 11 February 2031" in page(found, TIERS, "en", ZONE)


def test_going_on_as_now_is_a_year_long_and_names_the_day_of_the_next_tier() -> None:
    found = of(*life(6), setting())
    assert [each.on.day for each in found.outlook] == [SHIPPED.publication_day] * 12
    assert found.next_tier is not None
    reached = next(each for each in found.outlook if each.score >= found.next_tier.begins_at)
    assert found.next_tier.reached_on == reached.on


@pytest.mark.parametrize(
    ("language", "gone"), [("en", "ride not paid (gone on 10 June 2026)"), ("zh", "（2026年6月10日删除）")]
)
@pytest.mark.parametrize("counts", [True, False])
def test_an_outlook_that_rises_since_a_record_is_gone_by_then_says_so(
    language: Language, gone: str, counts: bool
) -> None:
    ended: dict[str, Any] = {"status": "settled", "ended_on": day(JAN).date(), "lapses_at": day(JAN + 5, 10, 0)}
    found = of(*life(6, news(record("ride.unpaid", counts=counts, **ended))), setting(language))
    assert (gone in outlook_line(found, language)) is counts, "what costs nothing today takes nothing back"


def test_what_a_person_does_already_is_told_as_that() -> None:
    on_time = [event("credit_card.repayment", day(JAN - back), f"more-{back}", days_late=0) for back in range(6)]
    found = of(*published(6, lambda _: [], *on_time), setting())
    kept = [advice_line(hint, "en") for hint in found.hints or () if hint.goes_on]
    assert kept
    assert all("you do this already" in line for line in kept)


def test_tiers_have_their_names_in_both_languages() -> None:
    rows = life(24)
    english, chinese = of(*rows, setting()), of(*rows, setting("zh"))
    names = {tier.name: tier.zh for tier in TIERS.tiers}
    assert english.tier is not None
    assert chinese.tier == names[english.tier]
    assert all(name in page(chinese, TIERS, "zh", ZONE) for name in names.values())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("months", [1, 2, 24])
def test_a_page_needs_nothing_from_elsewhere_and_names_nobody(language: Language, months: int) -> None:
    found = of(*life(months, news(record("ride.unpaid", amount=12_300))), setting(language))
    text = page(found, TIERS, language, ZONE)
    assert not re.search(r"<script|https?://(?!www\.w3\.org/2000/svg)|@import|url\(", text)
    assert ME not in text
    assert str(found.score) in text
    for reason in found.reasons:
        assert reason.sentence.replace("'", "&#x27;") in text


def test_drawings_are_whole_documents() -> None:
    found = of(*life(), setting())
    drawn = charts.card(found, TIERS, ("points", "not known yet"), "en")
    root = ElementTree.fromstring(drawn)
    texts = {element.text for element in root.iter() if element.tag.endswith("text")}
    assert {"Credit history", "Behavior", "Performance ability", "Identity", "Connections"} <= texts
    assert {tier.name for tier in TIERS.tiers} <= texts


def test_both_languages_have_the_same_gaps_to_fill() -> None:
    for name, (en, zh) in _BOTH.items():
        assert sorted(re.findall(r"{\w+}", en)) == sorted(re.findall(r"{\w+}", zh)), name


def test_in_continuous_cadence_what_comes_is_told_for_days_to_come() -> None:
    at_once = msgspec.structs.replace(SHIPPED, cadence="continuous")
    person, rows = life()
    found = of(person, rows, msgspec.structs.replace(setting(), in_force=at_once))
    assert found.outlook[0].on.isoformat() == "2026-02-28"
    assert all(each.on > TODAY for each in found.outlook)


def test_a_dimension_of_ones_own_has_the_name_that_the_policy_gives_it_or_else_its_code() -> None:
    named = msgspec.structs.replace(SHIPPED, dimension_names={"village_life": Named(en="The village", zh="乡村生活")})
    english, chinese = Wording(named, "en", "CNY"), Wording(named, "zh", "CNY")
    assert (english.dimension("village_life"), chinese.dimension("village_life")) == ("The village", "乡村生活")
    assert (english.dimension("village_hall"), chinese.dimension("identity")) == ("Village hall", "身份特质")


def test_who_tells_no_income_is_told_what_telling_it_would_bring_and_from_which_amount() -> None:
    person, _ = life()
    present = Present(decode(person.state), person.circle, JAN)
    languages: tuple[tuple[Language, str], ...] = (("en", "If you earn CNY 3,000.00"), ("zh", "3,000.00 元"))
    for language, amount in languages:
        [told] = [each for each in advised(hints(present, SHIPPED), setting(language)) if each.code == "tell-income"]
        assert amount in told.sentence
        assert told.points > 0
