"""How this command line was called, so that the commands that it tells of can be pasted as they stand."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from goodstanding.cli.table import TABLE

NAME = "goodstanding"
VARIABLE = "GOODSTANDING_COMMAND"
"""Says how to call it where it cannot know that by itself: in a container."""

_COMMAND = re.compile(rf"(?<![\w/.-]){NAME}(?= (?:{'|'.join(TABLE)})\b)")


def program(argv0: str | None = None, which: Callable[[str], str | None] = shutil.which) -> str:
    """The words that call this command line again, from the same directory."""
    if told := os.environ.get(VARIABLE):
        return told
    path = Path(argv0 if argv0 is not None else sys.argv[0])
    if path.name == "__main__.py":
        return f"{_shortest(Path(sys.executable))} -m {NAME}.cli"
    if path.name != NAME:
        return NAME  # called from another program, such as a test
    found = which(NAME)
    if found and os.path.samefile(found, path if path.exists() else found):
        return NAME
    return _shortest(path)


def pasted(text: str) -> str:
    """The text with each command in it as it can be pasted."""
    words = program()
    return text if words == NAME else _COMMAND.sub(lambda _: words, text)


def _shortest(path: Path) -> str:
    """Seen from here, if it lies below."""
    absolute, here = Path(os.path.abspath(path)), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(path)
