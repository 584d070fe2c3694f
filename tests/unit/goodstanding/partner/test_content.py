"""Packed files and standard input: what is in them, whatever they are called."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cramjam
import pytest

from goodstanding import users_files
from goodstanding.errors import UserError
from goodstanding.loading.unpacked import unpacked
from goodstanding.partner import content as content_module
from goodstanding.partner.content import content_of, text_of

CONTENT = b'{"id": 1}\n{"id": 2}\n'
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "gzip": gzip.compress,
    "gzip in two parts": lambda content: gzip.compress(content[:7]) + gzip.compress(content[7:]),
    "zstd": lambda content: bytes(cramjam.zstd.compress(content)),
    "zstd in two parts": lambda content: (
        bytes(cramjam.zstd.compress(content[:7])) + bytes(cramjam.zstd.compress(content[7:]))
    ),
}


def archived(content: bytes, form: int = tarfile.DEFAULT_FORMAT) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        member = tarfile.TarInfo("events.jsonl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_file_and_standard_input(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(pack(CONTENT))
    assert content_of(file) == CONTENT
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(pack(CONTENT))))
    assert text_of(Path("-")) == CONTENT.decode()


@pytest.mark.parametrize("pack", [PACKERS["gzip"], PACKERS["zstd"]], ids=["gzip", "zstd"])
@pytest.mark.parametrize("damage", [lambda packed: packed[:-3], lambda packed: packed[:6] + b"\xff" * 9])
def test_what_is_damaged_is_a_sentence(
    pack: Callable[[bytes], bytes], damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "events.gz"
    file.write_bytes(damage(pack(CONTENT * 50)))
    with pytest.raises(UserError, match="damaged or cut off"):
        content_of(file)


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        content_of(tmp_path / "nothing")
    (tmp_path / "latin").write_bytes("größe".encode("latin-1"))
    with pytest.raises(UserError, match="not written in UTF-8"):
        text_of(tmp_path / "latin")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04...", "a spreadsheet or another archive, which no option of a mapping reads. Save it as CSV"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet of an old form"),
        (bz2.compress(CONTENT), "packed with bzip2, which no option of a mapping reads. Pack it with gzip or zstd"),
        (lzma.compress(CONTENT), "packed with xz"),
        (archived(CONTENT), "an archive (tar), which no option of a mapping reads. Unpack it"),
        (archived(CONTENT, tarfile.GNU_FORMAT), "an archive (tar)"),
        (bytes(4_096), "a file that begins with zeros"),
    ],
)
@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_no_mapping_reads_is_called_what_it_is(
    content: bytes, pack: Callable[[bytes], bytes], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "events.csv"
    file.write_bytes(pack(content))
    assert_is_called(said, file, tmp_path)


def test_a_word_is_no_mark_of_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b" " * 256 + b"custard" + CONTENT)
    assert content_of(file) == file.read_bytes()


@pytest.mark.parametrize("outer", [PACKERS["gzip"], PACKERS["zstd"]], ids=["gzip", "zstd"])
@pytest.mark.parametrize("inner", [PACKERS["gzip"], PACKERS["zstd"]], ids=["gzip", "zstd"])
def test_what_is_packed_twice_is_not_taken_for_lines(
    inner: Callable[[bytes], bytes], outer: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    file = tmp_path / "events.gz"
    file.write_bytes(outer(inner(CONTENT)))
    assert_is_called("packed twice. Unpack it once", file, tmp_path)


def assert_is_called(said: str, file: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as found:
        content_of(file)
    assert said in str(found.value)
    with pytest.raises(UserError) as found, unpacked(file, tmp_path):
        pytest.fail("an import reads it no more than anybody")
    assert said in str(found.value)


@pytest.mark.parametrize("device", ["/dev/full", "/dev/zero", "/dev/urandom"])
def test_a_device_without_an_end_is_no_file(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="it is a device"):
        content_of(Path(device))
    with open(device) as opened:
        monkeypatch.setattr(sys, "stdin", opened)
        with pytest.raises(UserError, match="it is a device"):
            content_of(Path("-"))


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_what_has_no_end_is_not_read_on(
    pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of a pipe nor out of a packed file, which may be small."""
    monkeypatch.setattr(users_files, "WHOLE_BYTES_MAX", 3 * 1024 * 1024)
    monkeypatch.setattr(content_module, "WHOLE_BYTES_MAX", 3 * 1024 * 1024)
    file = tmp_path / "events.jsonl"
    file.write_bytes(pack(CONTENT * 200_000))
    with pytest.raises(UserError, match=r"events.jsonl has more than 3 MiB. Split it"):
        content_of(file)
    file.write_bytes(pack(CONTENT * 100_000))
    assert len(content_of(file)) == 2_000_000


def test_a_line_without_an_end_has_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_files, "WHOLE_BYTES_MAX", 3 * 1024 * 1024)
    with subprocess.Popen(["sh", "-c", "yes | tr -d '\\n'"], stdout=subprocess.PIPE) as endless:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=endless.stdout))
        with pytest.raises(UserError, match=r"Standard input has no line break in its first 3 MiB. Write one event"):
            content_of(Path("-"))


def test_nothing_is_nothing() -> None:
    assert content_of(Path("/dev/null")) == b""
