"""The bytes of a partner's file or of standard input, unpacked if they are packed with gzip or zstd.

What packs a file is told by its first bytes and not by its name, so that it works for standard input too.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from contextlib import suppress
from pathlib import Path

from goodstanding.errors import UserError
from goodstanding.users_files import WHOLE_BYTES_MAX, bounded, standard_input, too_large, whole
from shared.kafka.codecs import ZSTD, BrokenError, UnpackedTooLargeError, unpack

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_OTHERS = (
    (0, b"PK\x03\x04", "a spreadsheet or another archive", "Save it as CSV, or unpack it."),
    (0, b"%PDF", "a PDF", "Ask for the same as CSV."),
    (0, b"\xd0\xcf\x11\xe0", "a spreadsheet of an old form", "Save it as CSV."),
    (0, b"BZh", "packed with bzip2", "Pack it with gzip or zstd."),
    (0, b"\xfd7zXZ", "packed with xz", "Pack it with gzip or zstd."),
    # With what stands behind it, of either sort of tar, since "ustar" alone is a part of words such as "custard".
    (257, b"ustar\0", "an archive (tar)", "Unpack it, and name a file of it."),
    (257, b"ustar  \0", "an archive (tar)", "Unpack it, and name a file of it."),
    # No text begins so in any encoding; a file does whose machine has failed while it was written.
    (0, bytes(8), "a file that begins with zeros", "Export it again."),
)
"""What people have too, by what stands at a place of it."""
BEGIN_BYTES = 512
"""So much of a file says what it is."""
_LOOKED_AT_BYTES = 1_000


def content_of(file: Path) -> bytes:
    """What is in the file; `-` is standard input. Raises UserError."""
    try:
        content = standard_input() if file == Path("-") else _read(file)
    except (OSError, ValueError) as error:  # a name with NUL in it is a ValueError
        reason = error.strerror if isinstance(error, OSError) else "no file can have this name"
        raise UserError(f"{file} cannot be read: {reason}.", "Name a file with one event on each line.") from None
    check_is_read(content, file)
    try:
        content = _unpacked(content, file)
    except (OSError, EOFError, zlib.error, BrokenError):
        raise UserError(
            f"{file} is packed, and damaged or cut off.", "Pack it again, or name the file itself."
        ) from None
    check_inside(content, file)
    return content


def check_inside(begin: bytes, file: object) -> None:
    """The same as `check_is_read`, for what was packed in the file."""
    if begin.startswith((_GZIP, _ZSTD)):
        raise UserError(f"{file} is packed twice.", "Unpack it once.")
    check_is_read(begin, file)


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return whole(opened, file)


def text_of(file: Path) -> str:
    """What a file says that is written in UTF-8. Raises UserError."""
    try:
        return content_of(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{file} is not written in UTF-8.", "Write it in UTF-8.") from None


def check_is_read(begin: bytes, file: object) -> None:
    """Raises UserError for a file that begins as none does that a mapping can describe."""
    for place, mark, what, remedy in _OTHERS:
        if begin.startswith(mark, place):
            raise UserError(f"{file} is {what}, which no option of a mapping reads.", remedy)


def wide_encoding(content: bytes) -> str:
    """UTF-16 or UTF-32, where the content is written so: by its mark, or by the zeros of a text that is mostly ASCII.
    Empty for anything else."""
    first = content[:_LOOKED_AT_BYTES]
    # The mark of UTF-32 begins with that of UTF-16, and its text has three zeros for each character.
    if first.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) or first.count(0) * 8 > len(first) * 5 > 0:
        return "UTF-32"
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    return "UTF-16" if any(first[place::2].count(0) * 4 > len(first) > 0 for place in (0, 1)) else ""


def check_line_ends(content: bytes, file: object) -> None:
    """Raises UserError for lines that end with CR alone, as programs for old Macs write them: all of the file would be
    one line. A single JSON value may have CR between its parts."""
    if b"\n" in content or b"\r" not in content.strip():
        return
    with suppress(ValueError, RecursionError):
        json.loads(content)
        return
    raise UserError(f"The lines of {file} end with CR alone, as old Macs write them.", "Have each end with LF.")


def stands_on_lines(content: bytes) -> bool:
    """Whether the first JSON value of a file stands on several lines, as programs write it that lay it out for people:
    every line of such a file would be told to be broken."""
    content = content.removeprefix(codecs.BOM_UTF8).lstrip()
    line = content.partition(b"\n")[0].strip()
    if line in (b"{", b"["):
        return True
    if not line.startswith((b"{", b"[")):
        return False
    with suppress(ValueError, RecursionError):
        json.loads(line)
        return False
    with suppress(ValueError, RecursionError):
        text = content.decode(errors="replace")
        return "\n" in text[: json.JSONDecoder().raw_decode(text)[1]]
    return False


def _unpacked(content: bytes, file: Path) -> bytes:
    """Raises UserError where it has more than is read of a file: 260 kB packed can become as much."""
    if content.startswith(_GZIP):
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            return bounded(packed, file)
    if content.startswith(_ZSTD):
        try:
            return bytes(unpack(ZSTD, content, WHOLE_BYTES_MAX))
        except UnpackedTooLargeError:
            raise too_large(file, has_lines=True) from None
    return content
