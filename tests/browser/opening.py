"""Opens the portal's pages in a browser as the portal serves them, its headers included, without any server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, Page, Route, sync_playwright

from goodstanding.portal.web import desk_page, html
from goodstanding.portal.web.html import STYLESHEET
from goodstanding.portal.web.person_page import person_page
from goodstanding.portal.web.serving import _POLICY
from services.scorer.core.reasons.figures import Language
from tests.support import portal_desks
from tests.support.portal_views import LIVES, WORD, view

HERE = "https://portal.example"
WIDTHS = {"phone": 390, "desk": 1280}
LANGUAGES: tuple[Language, ...] = ("en", "zh")
PAGES = [*LIVES, "support", "risk", "operator"]
_RISK, _WORK = portal_desks.risk(), portal_desks.work()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Opened:
    """A page, what the browser complains of, and by address what the page's forms and links have sent last."""

    page: Page
    language: Language
    said: list[str] = field(default_factory=list)
    sent: dict[str, dict[str, str]] = field(default_factory=dict)


@contextmanager
def opened(browser: Browser, name: str, language: Language, width: str) -> Iterator[Opened]:
    context = browser.new_context(viewport={"width": WIDTHS[width], "height": 844}, locale=language)
    found = Opened(context.new_page(), language)
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    found.page.on("dialog", lambda dialog: found.said.append(dialog.message))

    def answer(route: Route) -> None:
        address = urlsplit(route.request.url)
        if not route.request.url.startswith(HERE):
            found.said.append(f"asks elsewhere: {route.request.url}")
            route.abort()
        elif address.path == "/style.css":
            route.fulfill(body=STYLESHEET, content_type="text/css")
        elif address.path == "/favicon.ico":
            route.fulfill(status=204)
        else:
            found.sent[address.path] = dict(parse_qsl(route.request.post_data or address.query))
            body = _content(name, language)
            route.fulfill(body=body, content_type="text/html", headers={"content-security-policy": _POLICY})

    context.route("**/*", answer)
    found.page.goto(f"{HERE}/{'me' if name in LIVES else 'desk'}")
    yield found
    context.close()


def _content(name: str, language: Language) -> str:
    if name in LIVES:
        return person_page(view(name, language))
    bodies = {
        "support": desk_page.support(WORD, language),
        "risk": desk_page.risk(*_RISK, WORD, language),
        "operator": desk_page.operator(*_WORK, language, reads_on=True),
    }
    return html.document(desk_page.title(language), language, bodies[name], here="/desk", leaves=True)
