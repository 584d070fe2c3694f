"""What a process imports when it starts: hundreds of modules, all of which stay until it ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """What is imported in the block the garbage collector leaves alone, now and later. It would look at all of it a
    dozen times, and once more at the end, and find nothing: a quarter of the processor time of a short command."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
