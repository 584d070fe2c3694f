"""A partner's file as a stream, unpacked if it is packed with gzip or zstd, however large it is."""

from __future__ import annotations

import gzip
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import cramjam

from goodstanding.errors import UserError
from goodstanding.partner.content import BEGIN_BYTES, check_inside, check_is_read

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


@contextmanager
def unpacked(file: Path, room: Path) -> Iterator[IO[bytes]]:
    """The content of the file; what packs it is told by its first bytes. `room` is a directory with room for what is
    packed with zstd. Raises UserError, also for what is read in the block."""
    try:
        with file.open("rb") as raw:
            begin = raw.read(BEGIN_BYTES)
            check_is_read(begin, file)
            raw.seek(0)
            if begin.startswith(_GZIP):
                yield _checked(cast("IO[bytes]", gzip.GzipFile(fileobj=raw)), file)
            elif begin.startswith(_ZSTD):
                with _without_zstd(raw, room) as content:
                    yield _checked(content, file)
            else:
                yield raw
    except (EOFError, gzip.BadGzipFile, zlib.error, cramjam.DecompressionError):
        raise UserError(
            f"{file} is packed, and damaged or cut off.", "Pack it again, or name the file itself."
        ) from None


def _checked(content: IO[bytes], file: Path) -> IO[bytes]:
    check_inside(content.read(BEGIN_BYTES), file)
    content.seek(0)
    return content


@contextmanager
def _without_zstd(packed: IO[bytes], room: Path) -> Iterator[IO[bytes]]:
    """The library unpacks from file to file in little memory, and only what it may write to."""
    with tempfile.TemporaryDirectory(dir=room) as directory:
        copy, content = Path(directory, "packed"), Path(directory, "content")
        with copy.open("wb") as into:
            shutil.copyfileobj(packed, into)
        cramjam.zstd.decompress_into(cramjam.File(str(copy)), cramjam.File(str(content)))
        copy.unlink()
        with content.open("rb") as unpacked:
            yield unpacked
