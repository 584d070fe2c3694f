"""The laws of TOML files: in any document, the line of each key is where it was written."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shared.toml_file import spelled
from shared.toml_lines import line_of
from shared.type_faults import KeyPath
from tests.support.law_sizes import examples

KEYS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True), st.sampled_from(["a.b", "", "#", '"', "]", "ä", "= {"])
)
TEXTS = st.sampled_from(["", "x", "#", '"', "'", "]", "}", "a\nb", '"""', "'''", "\\", "[x]\ny = 1\n", ","])
SCALARS = st.one_of(TEXTS, st.integers(-99, 99), st.booleans(), st.sampled_from([Decimal("1.5")]))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)
DOCUMENTS = st.dictionaries(KEYS, st.one_of(VALUES, st.lists(TABLES, min_size=1, max_size=3), TABLES), max_size=4)


class _Writer:
    """Writes TOML in a style drawn by hypothesis, and remembers the line of each key."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[KeyPath, int] = {}

    def document(self, document: dict[str, Any]) -> None:
        tables = {name: value for name, value in document.items() if self._as_table(value)}
        self.pairs((), {name: value for name, value in document.items() if name not in tables})
        for name, value in tables.items():
            if isinstance(value, dict):
                self.header((name,), f"[{self.key(name)}]", value)
            else:
                for index, table in enumerate(value):
                    self.header((name, index), f"[[ {self.key(name)} ]]", table)

    def _as_table(self, value: Any) -> bool:
        tables = isinstance(value, dict) or (
            isinstance(value, list) and bool(value) and all(isinstance(member, dict) for member in value)
        )
        return tables and bool(self.draw(st.booleans()))

    def header(self, path: KeyPath, words: str, table: dict[str, Any]) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self.line())
        self.text += f"{words}{self.noise()}\n"
        self.pairs(path, table)

    def pairs(self, path: KeyPath, table: dict[str, Any]) -> None:
        for name, value in table.items():
            self.text += self.draw(st.sampled_from(["", "\n", "# note = 1\n", "  ", "\t"]))
            self.lines[(*path, name)] = self.line()
            self.text += f"{self.key(name)} = "
            self.value((*path, name), value)
            self.text += f"{self.noise()}\n"

    def value(self, path: KeyPath, value: Any) -> None:
        if isinstance(value, list):
            self.text += "["
            for index, member in enumerate(value):
                self.text += self.draw(st.sampled_from(["", " ", "\n", " # ] no\n  "]))
                self.lines[(*path, index)] = self.line()
                self.value((*path, index), member)
                self.text += self.draw(st.sampled_from([",", " ,", ",\n"]))
            self.text += "]"
        elif isinstance(value, dict):
            self.text += "{"
            for count, (name, member) in enumerate(value.items()):
                self.text += ", " if count else " "
                self.lines[(*path, name)] = self.line()
                self.text += f"{self.key(name)}="
                self.value((*path, name), member)
            self.text += "}"
        elif isinstance(value, str):
            self.text += self.string(value)
        else:
            self.text += str(value).lower()

    def string(self, text: str) -> str:
        styles = [json.dumps(text, ensure_ascii=False)]
        if "'''" not in text and not text.endswith("'"):
            styles.append(f"'''\n{text}'''")
        if "\\" not in text and '"' not in text:
            styles.append(f'"""{text.removeprefix(chr(10))}"""' if not text.startswith("\n") else styles[0])
        if "'" not in text and "\n" not in text:
            styles.append(f"'{text}'")
        return str(self.draw(st.sampled_from(styles)))

    def key(self, name: str) -> str:
        bare = bool(name) and name.isascii() and name.replace("-", "").replace("_", "a").isalnum()
        return name if bare and self.draw(st.booleans()) else json.dumps(name, ensure_ascii=False)

    def noise(self) -> str:
        return str(self.draw(st.sampled_from(["", "  ", " # [x]", '#"'])))

    def line(self) -> int:
        return self.text.count("\n") + 1


@examples(60)
@given(DOCUMENTS, st.data())
def test_the_line_of_each_key(document: dict[str, Any], data: st.DataObject) -> None:
    writer = _Writer(data.draw)
    writer.document(document)
    assert tomllib.loads(writer.text, parse_float=Decimal) == document
    assert {key: line_of(writer.text, key) for key in writer.lines} == writer.lines


@given(st.lists(st.integers(0, 9) | KEYS, min_size=1, max_size=4).map(tuple))
def test_a_key_is_spelled_in_one_line(key: KeyPath) -> None:
    assert "\n" not in spelled(key)
