"""A platform of a test's own that the command line starts, as a newcomer would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from goodstanding.platform.stack import Stack


@dataclass(frozen=True)
class Newcomer:
    """Types commands in a directory of its own, about a platform there."""

    directory: Path

    @property
    def stack(self) -> Stack:
        return Stack(self.directory / "stack")

    @property
    def environment(self) -> Mapping[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith("GOODSTANDING_")}
        return {
            **others,
            "GOODSTANDING_HOME": str(self.directory / "stack"),
            "COLUMNS": "200",
        }

    def started(self, *words: str) -> subprocess.Popen[bytes]:
        """The command, running, with both streams in one pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "goodstanding.cli", *words],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def asks(self, *words: str, ends: int | None = 0, input: bytes = b"") -> str:
        """What the command says on both streams; `ends` is the status that it must end with, None for any."""
        command = [sys.executable, "-m", "goodstanding.cli", *words]
        done = subprocess.run(
            command, cwd=self.directory, env=self.environment, input=input, capture_output=True, check=False
        )
        told = (done.stdout + done.stderr).decode()
        assert ends is None or done.returncode == ends, told
        return told


@contextmanager
def newcomer() -> Iterator[Newcomer]:
    """What was started is stopped with the block, and nothing of it is left."""
    # Not pytest's directory, where Postgres cannot go when root tests.
    directory = Path(tempfile.mkdtemp(prefix="goodstanding-newcomer-"))
    directory.chmod(0o755)
    made = Newcomer(directory)
    try:
        yield made
    finally:
        made.asks("local", "down", "--delete", ends=None)
        shutil.rmtree(directory, ignore_errors=True)
