"""TOML files whose every error names file, line and key.

    mapping = load(Path("partners/bank.toml"), Mapping)        # Mapping: a msgspec.Struct, read strictly
    raise error_at(path, ("kinds", 2, "unit"), "the unit is none of those in [units]")    # a rule of the caller's own

tomllib knows no lines once a file is read, so `toml_lines` finds the line of a key.
"""

from __future__ import annotations

import hashlib
import re
import stat
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from shared.mended import Meant, meant
from shared.toml_lines import line_of
from shared.type_faults import UNKNOWN, KeyPath, faults_of

T = TypeVar("T")
_NAME_CHARACTERS = 12
_NESTED_SENTENCE = "Its tables or arrays are nested too deeply."
_PARTS_MAX = 64
"""Of a dotted key. What tomllib keeps of one grows with the square of its parts."""
_LONG_KEY = re.compile(
    r"""(?:^|[\[{,])[ \t]*((?:(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')[ \t]*\.[ \t]*)"""
    rf"{{{_PARTS_MAX}}})",
    re.MULTILINE,
)
_CODE = re.compile(r"[a-z0-9_-]{1,64}")
_NUMBER_SENTENCE = "A number in the file has more digits than can be read."
_WANTED = {
    "int": "Write a whole number.",
    "str`, got `object": 'Write a text, in "quotes"; a key that has a point in it is written in quotes as well.',
    "str": 'Write a text, in "quotes".',
    "array": "Write a list, in [brackets].",
    "object": "Write a table, in {braces} or under a [header].",
    "bool": "Write true or false.",
    "date": "Write a day, as 2026-01-31, without quotes.",
}
_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(UNKNOWN), "Remove it, or mend its spelling."),
    (re.compile("missing required field"), "Add it."),
    (re.compile("not TOML"), "Mend the line; https://toml.io shows how each value is written."),
    (re.compile("cannot be read"), "Name a file that is there and may be read."),
    (re.compile("is not UTF-8"), "Save it as UTF-8."),
    *((re.compile(f"Expected `{name}"), remedy) for name, remedy in _WANTED.items()),
    (
        re.compile("Invalid (enum )?value '[^']*'\\.$"),
        "Use one of the words that the shipped file of this kind explains.",
    ),
)
"""What to do, by what the parser says: it says only what is wrong, and the rules' own sentences say both."""


_CHARACTERS_MAX = 16 * 1024 * 1024
"""A thousand times what people write by hand; exchange rates of a century in all currencies have a quarter of it."""


class ConfigError(ValueError):
    """A configuration file is wrong. `str()` is `<file>:<line>: <key>: <sentence>`; the first line of a file is 1."""

    def __init__(self, file: Path, line: int, key: str, sentence: str, code: str = "") -> None:
        named = f"{key} ({code})" if code else key
        super().__init__(f"{file}:{line}: {named}: {sentence}" if key else f"{file}:{line}: {sentence}")
        self.file = file
        self.line = line
        self.key = key
        self.code = code
        """The code of the member of an array in which the key is: people know a rule by its code, not by its place."""
        self.sentence = sentence
        self.others: list[ConfigError] = []
        """Further errors of the same file, where all of them were looked for."""
        self.rest: object | None = None
        """What the file says without the keys that nobody knows, where nothing else is wrong with its types."""
        self.meant: Meant | None = None
        """What the file may have been meant to say, where its types are wrong."""

    @property
    def all(self) -> list[ConfigError]:
        """This one and the others."""
        return [self, *self.others]


def _with_remedy(sentence: str) -> str:
    return " ".join([sentence, *(remedy for pattern, remedy in _REMEDIES if pattern.search(sentence))][:2])


def first_of(errors: Iterable[ConfigError]) -> ConfigError:
    """Of several errors of one file, the first one in the file, with the others in `others`."""
    first, *first.others = sorted(errors, key=lambda error: error.line)
    return first


def load(path: Path, type: type[T], hint: Callable[[str], str] = lambda _: "") -> T:
    """The file as a value of this type: no unknown keys where the Struct forbids them, no conversion between types.

    Numbers with a fraction come as Decimal. `hint` is what else to say of a key that nobody knows. Raises ConfigError
    of the first fault, with the others in `others`; also for a file that cannot be read.
    """
    text = text_of(path)
    if long := _LONG_KEY.search(text):
        raise ConfigError(path, text.count("\n", 0, long.start(1)) + 1, "", _NESTED_SENTENCE)
    try:
        document = _read(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(path, text, str(error)) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        # The grammar allows numbers and nesting of any size, and Python does not.
        what = _NESTED_SENTENCE if isinstance(error, RecursionError) else _NUMBER_SENTENCE
        raise ConfigError(path, 1, "", what) from None
    try:
        return msgspec.convert(document, type)
    except msgspec.ValidationError:
        faults = list(faults_of(document, type))
        unknown = [key for key, said in faults if said.startswith(UNKNOWN)]
        hints = {key: said for key in unknown if (said := hint(str(key[-1])))}
        found = first_of(
            ConfigError(
                path,
                line_of(text, key),
                spelled(key),
                _with_remedy(f"{said} {hints[key]}" if key in hints else said),
                _code_around(document, key),
            )
            for key, said in faults
        )
        found.meant = meant(document, faults, type)
        with suppress(msgspec.ValidationError):
            found.rest = msgspec.convert(_without(document, unknown), type)
        raise found from None


def _without(document: Any, keys: Iterable[KeyPath]) -> Any:
    document = deepcopy(document)
    for key in keys:
        table = document
        for name in key[:-1]:
            table = table[name]
        del table[key[-1]]
    return document


def content_name(path: Path) -> str:
    """A short name of a file's content: the first digits of its SHA-256. Raises OSError."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:_NAME_CHARACTERS]


def error_at(path: Path, key: KeyPath, sentence: str) -> ConfigError:
    """The error of a rule that no type expresses, at the line of `key`, or of the nearest table around it."""
    text = text_of(path)
    return ConfigError(path, line_of(text, key), spelled(key), sentence, _code_around(_read(text), key))


@lru_cache(maxsize=16)
def _read(text: str) -> Any:
    """Kept, since a file is often read once more: to find out what it is, for each of its faults, and by a command that
    asks several services' rules, each of which reads the deployment's files in turn. Nobody changes the result."""
    return tomllib.loads(text, parse_float=Decimal)


def _code_around(document: Any, key: KeyPath) -> str:
    """The `code` of the innermost member of an array that the key leads through; empty where none has a code."""
    found, at = "", document
    for part in key:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            break
        code = at.get("code") if isinstance(at, dict) and isinstance(part, int) else None
        if isinstance(code, str) and _CODE.fullmatch(code):
            found = code
    return found


def spelled(key: KeyPath) -> str:
    """The key as people write it; members of an array count from 0: `rules[2].points`."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in key)
    return words.removeprefix(".")


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


def text_of(path: Path) -> str:
    """The text of a file that people edit, TOML or another. Raises ConfigError for one that cannot be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
            # The second reading, as of whoever looks for the line of a fault, would find nothing, or never end.
            raise ConfigError(path, 1, "", "This is a pipe or a device. Copy it into a file, which is read twice.")
        # Some editors begin a file with a byte order mark, which TOML does not know.
        with path.open(encoding="utf-8-sig") as opened:
            text = opened.read(_CHARACTERS_MAX + 1)
    except OSError as error:
        raise ConfigError(path, 1, "", _with_remedy(f"The file cannot be read: {error.strerror}.")) from None
    except UnicodeDecodeError:
        raise ConfigError(path, 1, "", _with_remedy("The file is not UTF-8.")) from None
    if len(text) > _CHARACTERS_MAX:
        raise ConfigError(path, 1, "", "The file is longer than any of this kind. Name the one that you mean.")
    return text


_DAY = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\d-])")


def _syntax_error(path: Path, text: str, message: str) -> ConfigError:
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    sentence = f"{message[: found.start()] if found else message}."
    line = int(found[1]) if found and found[1] else text.rstrip("\n").count("\n") + 1
    for day in _DAY.findall(text.split("\n")[line - 1]):
        try:
            date.fromisoformat(day)
        except ValueError:
            # A reader of TOML does not take this for a day, and its message does not help.
            return ConfigError(path, line, "", f"The calendar does not have the day {day}.")
    return ConfigError(path, line, "", _with_remedy(f"The file is not TOML: {sentence}"))
