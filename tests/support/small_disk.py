"""A disk of a few megabytes, to be filled: a file system in memory, which root mounts, and anybody else in a user
namespace of its own."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_MIB = 1024 * 1024
_MOUNTED = "mounted"
_HOLD = f'mount -t tmpfs -o size="$1",mode=0755 tmpfs "$0" && echo {_MOUNTED} && exec cat'
"""The mount is there for as long as somebody holds the other end of its standard input."""
_REMEDY = (
    "The test needs a small disk: run it as root that may mount (in a container: --cap-add SYS_ADMIN), or as a user "
    "who may make user namespaces, with unshare (Debian: util-linux). On Ubuntu 24.04 that is "
    "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
)


@contextlib.contextmanager
def small_disk(at: Path, megabytes: int) -> Iterator[Path]:
    """The path under which everybody of this user sees the disk: `at`, an empty directory, or another one."""
    size = f"{megabytes}m"
    if os.geteuid() == 0:
        _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(at))
        try:
            yield at
        finally:
            _run("umount", "--lazy", str(at))
        return
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _HOLD, str(at), size]
    try:
        holder = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError as error:
        pytest.fail(f"{error}. {_REMEDY}")
    with holder:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline().strip() != _MOUNTED:
            pytest.fail(f"{holder.stderr.read().strip()}. {_REMEDY}")
        # A mount in another namespace is seen through the process that has it.
        yield Path(f"/proc/{holder.pid}/root{at}")
        holder.communicate()


def fill(disk: Path) -> Path:
    """Take all that is free; the file that has it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for piece in (bytes(_MIB), bytes(4096)):
            with contextlib.suppress(_FullError):
                while True:
                    _write(file.fileno(), piece)
    return ballast


class _FullError(Exception):
    pass


def _write(fd: int, piece: bytes) -> None:
    try:
        if os.write(fd, piece) < len(piece):
            raise _FullError
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise _FullError from None


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        pytest.fail(f"{error}. {_REMEDY}")
    if done.returncode:
        pytest.fail(f"{done.stderr.strip()}. {_REMEDY}")
