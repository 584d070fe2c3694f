"""A file that cannot be written whole stays as it was; what is read twice is no pipe."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from goodstanding.errors import UserError
from goodstanding.users_files import seekable, write_whole

_ON_A_FULL_DISK = """
import pathlib, resource, signal, sys
from goodstanding.users_files import write_whole
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
write_whole(pathlib.Path(sys.argv[1]), "x" * 1000)
"""


def test_it_is_replaced_with_its_mode_also_behind_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "rates.csv", tmp_path / "link"
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to(file)
    write_whole(link, "after")
    assert (file.read_text(), file.stat().st_mode & 0o777, link.is_symlink()) == ("after", 0o640, True)
    assert {each.name for each in tmp_path.iterdir()} == {"rates.csv", "link"}


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("before")
    command = [sys.executable, "-c", _ON_A_FULL_DISK, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "File too large" in result.stderr
    assert file.read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["rates.csv"]


def test_a_pipe_is_copied_since_it_can_be_read_once(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a\nb\n",))
    writer.start()
    with seekable(pipe, tmp_path) as there:
        assert [there.read_bytes(), there.read_bytes()] == [b"a\nb\n"] * 2
    writer.join()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.parametrize(
    ("name", "why"), [("", "it is no file"), ("/dev/zero", "it is no file"), ("missing", "there is no such file")]
)
def test_what_is_no_file_of_events(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=why), seekable(tmp_path / name, tmp_path):
        pass
