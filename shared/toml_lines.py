"""Where each key of a TOML text begins. tomllib does not say it once it has read the text (decision 0021)."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache

from shared.type_faults import KeyPath


def line_of(text: str, key: KeyPath) -> int:
    """The line on which a key begins, in a text that tomllib accepts; that of the nearest table if it is not there."""
    lines = _lines(text)
    while key not in lines and key:
        key = key[:-1]
    return lines.get(key, 1)


@lru_cache(maxsize=1)
def _lines(text: str) -> Mapping[KeyPath, int]:
    """Kept for the next key, since a file with one fault often has many."""
    return _Scanner(text).lines()


_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})|\'\'\'.*?\'\'\'(?:\'{0,2})|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


class _Scanner:
    """Walks through valid TOML once and notes the line on which each key, table and array member begins."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_ends = [found.start() for found in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._lengths: dict[KeyPath, int] = {}  # of the arrays of tables

    def lines(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_BLANK_LINES)
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                table = self._header("[[", "]]")
            elif self._text.startswith("[", self._at):
                table = self._header("[", "]")
            else:
                self._pair(table)
            self._skip(_BLANK_LINES)
        return self._lines

    def _header(self, opening: str, closing: str) -> KeyPath:
        line = self._line()
        self._at += len(opening)
        path: KeyPath = ()
        names = self._names()
        for depth, name in enumerate(names):
            path = (*path, name)
            self._lines.setdefault(path, line)
            if opening == "[[" and depth == len(names) - 1:
                self._lengths[path] = self._lengths.get(path, 0) + 1
            if path in self._lengths:
                path = (*path, self._lengths[path] - 1)
                self._lines.setdefault(path, line)
        self._at += len(closing)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for name in self._names():
            path = (*path, name)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _names(self) -> list[str]:
        """The parts of a dotted key; stops at what follows it."""
        names = []
        while True:
            self._skip(_BLANK)
            bare = _BARE_KEY.match(self._text, self._at)
            names.append(bare[0] if bare else self._quoted_name())
            if bare:
                self._at = bare.end()
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return names
            self._at += 1

    def _quoted_name(self) -> str:
        start = self._at
        self._skip(_STRING)
        return next(iter(tomllib.loads(f"{self._text[start : self._at]}=0")))

    def _value(self, path: KeyPath) -> None:
        if self._text[self._at] == "[":
            self._array(path)
        elif self._text[self._at] == "{":
            self._inline_table(path)
        elif not self._skip(_STRING):
            self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        self._skip(_BLANK_LINES)
        while self._text[self._at] != "]":
            self._lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
            self._skip_comma()
        self._at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        self._skip(_BLANK_LINES)
        while self._text[self._at] != "}":
            self._pair(path)
            self._skip_comma()
        self._at += 1

    def _skip_comma(self) -> None:
        self._skip(_BLANK_LINES)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK_LINES)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return bool(found and found[0])

    def _line(self) -> int:
        return bisect_left(self._line_ends, self._at) + 1
