"""Each page in a browser, on a telephone and on a desk (`make test-browser`).

In both languages axe finds nothing, nothing is wider than the screen, no word is in the console, all of it can be done,
also by the keyboard, and the pages look as they did when somebody looked at them last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from goodstanding.portal.web.desk_page import _word as desk_word
from goodstanding.portal.web.wording import word
from services.scorer.core.reasons.figures import Language
from tests.browser.opening import HERE, LANGUAGES, PAGES, WIDTHS, Opened, chromium, opened
from tests.browser.references import KEPT, changed, reference
from tests.support.people import ME
from tests.support.portal_desks import NEXT_CARD
from tests.support.portal_views import WORD

pytestmark = pytest.mark.campaign

EVERY_WAY = [(language, width) for language in LANGUAGES for width in WIDTHS]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.mark.parametrize(("language", "width"), EVERY_WAY)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_fault_that_a_browser_or_axe_finds(
    browser: Browser, name: str, language: Language, width: str
) -> None:
    with opened(browser, name, language, width) as of:
        for summary in of.page.locator("details > summary").all():
            if summary.is_visible():
                summary.click()
        assert of.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            "nothing is wider than the screen"
        )
        # The page's own policy lets no script in, so axe comes by the tool's door.
        found: Any = Axe().run(of.page).response["violations"]
        assert of.said == []
        assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == []


@pytest.mark.parametrize(("name", "language", "width"), KEPT, ids="-".join)
def test_a_page_looks_as_it_did_when_somebody_looked_at_it(
    browser: Browser, name: str, language: Language, width: str
) -> None:
    with opened(browser, name, language, width) as of:
        png = of.page.screenshot(full_page=True)
    assert changed(browser, reference(name, language, width), png) == ""


# -- what can be done --------------------------------------------------------------------------------------------------


def _unfold(of: Opened, name: str) -> None:
    of.page.locator(f'summary:text-is("{word(name, of.language)}")').click()


def _press(of: Opened, name: str, **values: str) -> None:
    of.page.get_by_role("button", name=word(name, of.language, **values), exact=True).click()


def _dispute(of: Opened) -> None:
    _unfold(of, "dispute")
    of.page.get_by_label(word("reason", of.language), exact=True).select_option("paid")
    of.page.get_by_label(word("text", of.language), exact=True).first.fill("I paid it in March.")
    _press(of, "send_dispute")


def _statement(of: Opened) -> None:
    _unfold(of, "add_statement")
    of.page.get_by_label(word("text", of.language), exact=True).last.fill("I was ill.")
    _press(of, "send_statement")


def _permit(of: Opened) -> None:
    _unfold(of, "permit")
    of.page.get_by_label(word("who", of.language), exact=True).select_option("bank-of-cars")
    _press(of, "send_permit")


def _take_back_another(of: Opened) -> None:
    _unfold(of, "consent_other")
    of.page.get_by_label(word("partner", of.language), exact=True).fill("bank")
    of.page.get_by_label(word("consent_id", of.language), exact=True).fill("c-9")
    _press(of, "send_consent")


def _erase(of: Opened) -> None:
    _unfold(of, "erase")
    _press(of, "erase")
    assert "/me/erasures" not in of.sent, "nobody is erased who has not said to be sure"
    of.page.get_by_label(word("erase_sure", of.language)).check()
    _press(of, "erase")


def _find(of: Opened) -> None:
    of.page.get_by_label(desk_word("user_id", of.language), exact=True).fill(ME)
    of.page.get_by_role("button", name=desk_word("look", of.language), exact=True).click()


def _preview(of: Opened) -> None:
    of.page.get_by_role("button", name=desk_word("preview", of.language), exact=True).first.click()


ACTIONS: dict[str, tuple[str, Callable[[Opened], None], str, dict[str, str]]] = {
    "dispute": ("with-record", _dispute, "/me/disputes", {"reason": "paid", "text": "I paid it in March."}),
    "statement": ("disputed", _statement, "/me/statements", {"text": "I was ill."}),
    "permit": ("newcomer", _permit, "/me/permissions", {"subscriber": "bank-of-cars"}),
    "withdraw": (
        "newcomer",
        lambda of: _press(of, "withdraw", who="rental-firm"),
        "/me/permissions/withdraw",
        {"subscriber": "rental-firm"},
    ),
    "take a consent back": (
        "newcomer",
        lambda of: _press(of, "take_back", number="consent-2025-0001"),
        "/me/withdrawals",
        {"partner": "bank", "consent_id": "consent-2025-0001"},
    ),
    "take another one back": (
        "newcomer",
        _take_back_another,
        "/me/withdrawals",
        {"partner": "bank", "consent_id": "c-9"},
    ),
    "export": ("newcomer", lambda of: _press(of, "export"), "/me/exports", {}),
    "erase": ("newcomer", _erase, "/me/erasures", {"sure": "yes"}),
    "find": ("support", _find, "/desk/person", {"user_id": ME}),
    "preview": ("risk", _preview, "/desk/preview", {"policy": NEXT_CARD.id}),
}


@pytest.mark.parametrize(("language", "width"), EVERY_WAY)
def test_all_that_a_page_offers_can_be_done(browser: Browser, language: Language, width: str) -> None:
    for name, (page, does, address, fields) in ACTIONS.items():
        with opened(browser, page, language, width) as of:
            does(of)
            assert of.sent.get(address, {}).items() >= {**fields, "word": WORD}.items(), name
            assert of.said == [], name
    with opened(browser, "newcomer", language, width) as of:
        link = of.page.get_by_role("link", name=word("download", language), exact=True)
        assert link.get_attribute("href") == "/me/data.json"
        of.page.get_by_role("link", name=word("other_language", language), exact=True).click()
        assert of.sent["/me"] == {"language": "zh" if language == "en" else "en"}
        of.page.get_by_role("link", name=word("leave", language), exact=True).click()
        assert "/leave" in of.sent


def test_a_dispute_can_be_made_by_the_keyboard(browser: Browser) -> None:
    with opened(browser, "with-record", "en", "phone") as of:
        page = of.page
        page.get_by_text("Say that this record is wrong").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("it is paid")
        page.keyboard.press("Tab")
        page.keyboard.type("I paid it in March.")
        page.keyboard.press("Tab")
        with page.expect_response(f"{HERE}/me/disputes"):
            page.keyboard.press("Enter")
        said = {"reason": "paid", "text": "I paid it in March.", "word": WORD}
        assert of.sent["/me/disputes"].items() >= said.items()
