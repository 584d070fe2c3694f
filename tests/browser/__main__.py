"""`python -m tests.browser`: takes the pictures of the pages again, after a change that is meant. Look at each."""

from __future__ import annotations

from tests.browser.opening import chromium, opened
from tests.browser.references import KEPT, reference, write


def main() -> None:
    with chromium() as browser, browser.new_page() as packing:
        for name, language, width in KEPT:
            with opened(browser, name, language, width) as of:
                write(packing, reference(name, language, width), of.page.screenshot(full_page=True))


if __name__ == "__main__":
    main()
