"""What a process imports when it starts: hundreds of modules, all of which stay until it ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Imports, of which the garbage collector looks at nothing, neither now nor later. It would find nothing in a dozen
    rounds, and one at the end: a fifth of the processor time that a short command takes."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
