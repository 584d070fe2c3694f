"""What a command reads from a pipe, and a file of the user's that it continues."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from goodstanding.errors import UserError

WHOLE_BYTES_MAX = 256 * 1024 * 1024
"""Of a file that is read as a whole, and of what is packed in it: a million events, which take gigabytes
when they are judged. More than that has no end, as a forgotten pipe, or is a past, which `goodstanding import`
streams."""
_PIECE_BYTES = 1024 * 1024


def standard_input() -> bytes:
    """All of it; nothing where it is closed, as under some schedulers. Raises UserError for more than is read."""
    return whole(sys.stdin.buffer) if sys.stdin is not None else b""


def whole(opened: BinaryIO, file: object = "Standard input") -> bytes:
    """All of a file or a pipe. Raises OSError for a device other than a terminal, since most of them have no end, and
    UserError for more than is read."""
    with contextlib.suppress(io.UnsupportedOperation, AttributeError):  # no file of the system's
        number = opened.fileno()
        if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number) and not _is_null(number):
            raise OSError(errno.ENODEV, "it is a device, and not a file")
    return bounded(opened, file)


def bounded(opened: BinaryIO | gzip.GzipFile, file: object) -> bytes:
    """All that can be read. Raises UserError for more than WHOLE_BYTES_MAX bytes, without reading on."""
    pieces: list[bytes] = []
    room = WHOLE_BYTES_MAX
    while piece := opened.read(min(_PIECE_BYTES, room + 1)):
        room -= len(piece)
        if room < 0:
            raise too_large(file, has_lines=any(b"\n" in each for each in pieces))
        pieces.append(piece)
    return b"".join(pieces)


def too_large(file: object, *, has_lines: bool) -> UserError:
    mib = WHOLE_BYTES_MAX // (1024 * 1024)
    if not has_lines:
        return UserError(f"{file} has no line break in its first {mib} MiB.", "Write one event on each line.")
    return UserError(
        f"{file} has more than {mib} MiB.",
        "Split it into smaller files; a whole past is loaded by: goodstanding import",
    )


def _is_null(number: int) -> bool:
    return os.fstat(number).st_rdev == os.stat(os.devnull).st_rdev


@contextmanager
def seekable(file: Path, room: Path) -> Iterator[Path]:
    """The file, or a copy of standard input or of a pipe, which can be read once."""
    if file.is_file():
        yield file
        return
    if file != Path("-") and not file.is_fifo():
        why = "it is no file" if file.exists() else "there is no such file"
        raise UserError(f"{file} cannot be read: {why}.", "Name a file with one event on each line.")
    with tempfile.NamedTemporaryFile(dir=room) as copy:
        if file != Path("-"):
            with file.open("rb") as pipe:
                shutil.copyfileobj(pipe, copy)
        elif sys.stdin is not None:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)


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
