"""Each page in a browser, on a telephone and on a desk (`make test-browser`).

In both languages axe finds nothing, nothing is wider than the screen, no word is in the console, and all of it can be
done by the keyboard.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, sync_playwright

from goodstanding.portal.web import desk_page, html
from goodstanding.portal.web.html import STYLESHEET
from goodstanding.portal.web.person_page import person_page
from goodstanding.portal.web.serving import _POLICY
from services.scorer.core.reasons.figures import Language
from tests.support import portal_desks
from tests.support.portal_views import LIVES, WORD, view

pytestmark = pytest.mark.campaign

HERE = "https://portal.example"
WIDTHS = {"phone": 390, "desk": 1280}
_SHOTS = Path("/tmp") / "goodstanding-pages"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


RISK = portal_desks.risk()
WORK = portal_desks.work()


def desk(role: str, language: Language) -> str:
    bodies = {
        "support": desk_page.support(WORD, language),
        "risk": desk_page.risk(*RISK, WORD, language),
        "operator": desk_page.operator(*WORK, language, reads_on=True),
    }
    return html.document(desk_page.title(language), language, bodies[role], here="/desk", leaves=True)


PAGES = [*LIVES, "support", "risk", "operator"]


def content(name: str, language: Language) -> str:
    return person_page(view(name, language)) if name in LIVES else desk(name, language)


@pytest.fixture
def opened(browser: Browser, request: pytest.FixtureRequest) -> Iterator[tuple[Page, list[str]]]:
    """The page as the portal serves it, its headers included; and what the browser complains of."""
    name, language, width = request.param
    context = browser.new_context(viewport={"width": WIDTHS[width], "height": 844}, locale=language)
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))

    def answer(route: Route) -> None:
        if route.request.url == f"{HERE}/style.css":
            route.fulfill(body=STYLESHEET, content_type="text/css")
        elif route.request.url.endswith("/favicon.ico"):
            route.fulfill(status=204)
        elif route.request.url.startswith(HERE):
            body = content(name, language)
            route.fulfill(body=body, content_type="text/html", headers={"content-security-policy": _POLICY})
        else:
            said.append(f"asks elsewhere: {route.request.url}")
            route.abort()

    context.route("**/*", answer)
    page.goto(f"{HERE}/me")
    _SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=_SHOTS / f"{name}-{language}-{width}.png", full_page=True)
    yield page, said
    context.close()


ALL = pytest.mark.parametrize(
    "opened",
    [(name, language, width) for name in PAGES for language in ("en", "zh") for width in WIDTHS],
    indirect=True,
    ids="-".join,
)


@ALL
def test_a_page_has_no_fault_that_a_browser_or_axe_finds(opened: tuple[Page, list[str]]) -> None:
    page, said = opened
    for summary in page.locator("details > summary").all():
        if summary.is_visible():
            summary.click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
        "nothing is wider than the screen"
    )
    found: Any = _axe(page)
    assert said == []
    assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found] == []


def _axe(page: Page) -> Any:
    """What axe finds. The page's own policy lets no script in, so axe comes by the tool's door."""
    return Axe().run(page).response["violations"]


@pytest.mark.parametrize("opened", [("disputed", "en", "phone")], indirect=True, ids="-".join)
def test_a_dispute_can_be_made_by_the_keyboard(opened: tuple[Page, list[str]]) -> None:
    page, _ = opened
    summary = page.get_by_text("Say that this record is wrong")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("it is paid")
    page.keyboard.press("Tab")
    page.keyboard.type("I paid it in March.")
    page.keyboard.press("Tab")
    with page.expect_request(f"{HERE}/me/disputes") as sent:
        page.keyboard.press("Enter")
    body = sent.value.post_data or ""
    assert "reason=paid" in body
    assert "text=I+paid+it+in+March." in body
    assert f"word={WORD}" in body
