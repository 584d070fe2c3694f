"""Pieces of HTML. Whatever is a text becomes one by `escape`; whatever is HTML already has the type for it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import NewType

from goodstanding.person import charts
from goodstanding.person.page import STYLE
from goodstanding.portal.web.wording import word
from services.scorer.core.reasons.figures import Language

Html = NewType("Html", str)

STYLESHEET = (
    STYLE.replace("FONT", charts.FONT)
    # The pale one of drawings is too pale for words.
    .replace("#7b8794", "#52606d")
    + """
.skip { position: absolute; left: -999px; } .skip:focus { left: 12px; top: 12px; background: #fff; padding: 8px; }
.bar { display: flex; justify-content: space-between; gap: 16px; max-width: 1080px; margin: 0 auto; }
.bar { padding: 14px 24px 0; }
h1 { font-size: 20px; margin: 0 0 8px; flex-basis: 100%; }
footer { margin: 0 0 14px; }
h3 { font-size: 15px; margin: 0 0 4px; }
article { border-top: 1px solid #e4e7eb; padding: 14px 0 4px; }
article:first-of-type { border-top: 0; padding-top: 4px; }
a { color: #0b5f59; } a:focus-visible, button:focus-visible, summary:focus-visible, select:focus-visible,
textarea:focus-visible, input:focus-visible, .wide:focus-visible { outline: 3px solid #f0b429; outline-offset: 2px; }
button { font: inherit; padding: 9px 16px; border: 0; border-radius: 8px; color: #fff; }
button { background: #0b5f59; cursor: pointer; }
button.quiet-button { background: #fff; color: #0b5f59; border: 1px solid #0b5f59; }
button.danger { background: #9b1c12; }
label { display: block; margin: 10px 0 4px; font-weight: 600; font-size: 15px; }
label.check { font-weight: 400; display: flex; gap: 10px; align-items: flex-start; }
input[type=text], select, textarea { font: inherit; width: 100%; max-width: 560px; box-sizing: border-box; padding: 8px;
  border: 1px solid #7b8794; border-radius: 8px; background: #fff; color: #1f2933; }
form { margin: 8px 0 12px; } form button { margin-top: 10px; }
details { margin: 8px 0; } details details summary, article summary { font-size: 15px; color: #0b5f59; }
.note { background: #e6f4f1; border-color: #9fd3c7; }
.jumps { display: flex; flex-wrap: wrap; gap: 6px 18px; margin: 0 0 14px; font-size: 15px; }
.countdown { font-weight: 600; }
@media (max-width: 640px) { .bar { padding: 12px 20px 0; } .number { font-size: 44px; } button { width: 100%; } }
"""
)


def text(value: object) -> Html:
    return Html(escape(str(value)))


def joined(parts: Iterable[Html | str]) -> Html:
    return Html("".join(parts))


def paragraph(value: object, of: str = "") -> Html:
    named = f' class="{of}"' if of else ""
    return Html(f"<p{named}>{escape(str(value))}</p>")


def document(title: str, language: Language, body: str, *, here: str, leaves: bool) -> str:
    """A whole page. `here` is its address, for the other language; `leaves` has a way out of the session."""
    other: Language = "zh" if language == "en" else "en"
    switch = (
        f'<a href="{escape(here)}?language={other}" lang="{other}" hreflang="{other}">'
        f"{word('other_language', language)}</a>"
    )
    out = f'<a href="/leave">{escape(word("leave", language))}</a>' if leaves else ""
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if language == "zh" else "en"}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
        f'<title>{escape(title)}</title>\n<link rel="stylesheet" href="/style.css">\n</head>\n<body>\n'
        f'<a class="skip" href="#content">{escape(word("skip", language))}</a>\n'
        f'<nav class="bar" aria-label="Goodstanding"><span>{switch}</span><span>{out}</span></nav>\n'
        f'<main id="content">\n{body}\n</main>\n</body>\n</html>\n'
    )


def form(action: str, form_word: str, fields: Iterable[Html | str], send: str, *, of: str = "", **hidden: str) -> Html:
    """A form that only the session's own pages can send."""
    values = {"word": form_word, **hidden}
    kept = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in values.items())
    named = f' class="{of}"' if of else ""
    return Html(
        f'<form method="post" action="{escape(action)}">{kept}{"".join(fields)}'
        f"<button{named}>{escape(send)}</button></form>"
    )


def choice(id: str, name: str, label: str, options: Mapping[str, str]) -> Html:
    inside = "".join(f'<option value="{escape(value)}">{escape(said)}</option>' for value, said in options.items())
    return Html(
        f'<label for="{escape(id)}">{escape(label)}</label>'
        f'<select id="{escape(id)}" name="{escape(name)}">{inside}</select>'
    )


def words(id: str, name: str, label: str, *, required: bool) -> Html:
    must = " required" if required else ""
    return Html(
        f'<label for="{escape(id)}">{escape(label)}</label>'
        f'<textarea id="{escape(id)}" name="{escape(name)}" rows="3" maxlength="1000"{must}></textarea>'
    )


def line(id: str, name: str, label: str) -> Html:
    return Html(
        f'<label for="{escape(id)}">{escape(label)}</label>'
        f'<input type="text" id="{escape(id)}" name="{escape(name)}" maxlength="128" required autocomplete="off">'
    )


def unfolded(summary: str, body: Html) -> Html:
    return Html(f"<details><summary>{escape(summary)}</summary>{body}</details>")
