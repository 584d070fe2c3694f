"""What a command reads from a pipe, and a file of the user's that it continues."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def standard_input() -> bytes:
    """All of it; nothing where it is closed, as under some schedulers."""
    return sys.stdin.buffer.read() if sys.stdin is not None else b""


def write_whole(path: Path, text: str) -> None:
    """Put the file in place, whole or not at all: a disk that is full leaves what was there. Raises OSError."""
    path = path.resolve()
    passing = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        passing.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, passing)
        os.replace(passing, path)
    finally:
        passing.unlink(missing_ok=True)
