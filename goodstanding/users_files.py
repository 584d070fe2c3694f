"""What a command reads from a pipe, and a file of the user's that it continues."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import BinaryIO


def standard_input() -> bytes:
    """All of it; nothing where it is closed, as under some schedulers."""
    return whole(sys.stdin.buffer) if sys.stdin is not None else b""


def whole(opened: BinaryIO) -> bytes:
    """All of a file or a pipe. Raises OSError for a device other than a terminal, since most of them have no end."""
    with contextlib.suppress(io.UnsupportedOperation, AttributeError):  # no file of the system's
        number = opened.fileno()
        if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number) and not _is_null(number):
            raise OSError(errno.ENODEV, "it is a device, and not a file")
    return opened.read()


def _is_null(number: int) -> bool:
    return os.fstat(number).st_rdev == os.stat(os.devnull).st_rdev


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
