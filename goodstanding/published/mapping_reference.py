"""The reference of the mapping language, `docs/mapping.md`: every table and key of a partner's file, as the code has
them, with an example of each."""

from __future__ import annotations

from pathlib import Path

from goodstanding.published import docstrings
from goodstanding.published.key_tables import KeyTables
from services.ingest.core.functions import DIGEST, FUNCTIONS
from services.ingest.core.mapping import (
    Amount,
    AnyFile,
    AnyTable,
    Codes,
    ConsentPaths,
    CsvMapping,
    Events,
    FixedMapping,
    JsonMapping,
    Late,
    Moment,
    NativeMapping,
    Number,
    Rights,
    Text,
    Whole,
    Word,
)
from services.ingest.core.members import BESIDE_CHARACTERS_MAX, BESIDE_MAX, EVENTS_MAX
from shared.contracts.cloudevents import EVENT_BYTES_MAX, LIST_BYTES_MAX
from shared.settings import ROOT

FILE = ROOT / "docs" / "mapping.md"
_KIB = 1024
_HEAD = f"""<!-- written by make contracts -->

# The mapping language

This page is made from the code: every table and key that a partner's file (`partners/<name>.toml`) can have, each with
an example. [Connect a partner in 15 minutes](partners.md) is the guide;
[decision 0028](decisions/0028-options-of-a-mapping.md) says why the language is so, and what it does not say.

A file says three things: how the bytes of a message become values (`format`, and the keys of that format), where the
values stand that every event has (`id`, `time`, `subject`, `kind`), and in `[[events]]` blocks what each code of the
partner means and where the values stand that only these events have. A value is named by its path: in JSON
the names of the objects around it, joined by points (`order.total`), in a table the name of its column. A plain text
in place of a table is a path. What is neither read nor ignored is refused, and nothing is guessed: a notation that is
not declared is not read.

An event is one message of at most {EVENT_BYTES_MAX // _KIB} KiB. A message of many events has at most {EVENTS_MAX:,}
of them and {LIST_BYTES_MAX // _KIB // _KIB} MiB, headers included, and beside its list {BESIDE_MAX} values, with
{BESIDE_CHARACTERS_MAX:,} characters in their texts. Each is judged apart, and a refusal names its `index`, counted
from 0.
"""
_TABLES: tuple[tuple[str, type], ...] = (
    ("Every file", AnyFile),
    ('Files with `format = "json"`', JsonMapping),
    ('Files with `format = "csv"` or `"fixed"`', AnyTable),
    ('Files with `format = "csv"`', CsvMapping),
    ('Files with `format = "fixed"`', FixedMapping),
    ('Files with `format = "native"`', NativeMapping),
    ("Events", Events),
    ("Rights", Rights),
    ("Words", Word),
    ("Comparison of codes", Codes),
    ("Texts", Text),
    ("Times and days", Moment),
    ("Numbers as texts", Number),
    ("Amounts", Amount),
    ("Days late", Late),
    ("Whole numbers as texts", Whole),
    ("Consents", ConsentPaths),
)
_KEYS = KeyTables({cls: title for title, cls in _TABLES})


def files() -> dict[Path, str]:
    """What the page should hold."""
    return {FILE: text()}


def text() -> str:
    functions = f"The functions are `{'`, `'.join((*FUNCTIONS, DIGEST))}`.\n"
    parts = [_HEAD]
    for title, cls in _TABLES:
        parts += [f"## {title}\n", f"{docstrings.of_class(cls)}\n", _KEYS.of(cls)]
        if cls is Text:
            parts.append(functions)
    return "\n".join(parts)
