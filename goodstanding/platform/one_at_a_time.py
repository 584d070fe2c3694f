"""Several programs may want to set up the services of one directory: the later ones wait, and find all of it there."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def one_at_a_time(directory: Path, wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold the directory, which is made if need be, against other programs that hold it, until the block ends or this
    program does. `wait` is called where another one holds it now. Raises OSError where the directory cannot be used."""
    name = directory / "services.lock"
    while True:
        directory.mkdir(parents=True, exist_ok=True)
        with name.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever held it may have deleted the directory with everything in it.
            if name.exists() and os.path.samestat(os.fstat(file.fileno()), name.stat()):
                yield
                return
