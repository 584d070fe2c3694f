"""How much Python a piece of work executes: calls, and lines.

Counted is what is executed in the files of this checkout: each call of one of its functions, each call of a built-in
function from there, and each line. The interpreter reports them itself, so the same work has the same figures on every
machine, however busy; and for rules in plain Python they are what the time is made of. What a library does within one
call is not in them: for that there is `make bench`.

Calls are nearly the same in every version of Python, since comprehensions, which are functions of their own up to 3.11,
are left out. Lines are not: a figure of lines is one of its version.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

_ROOT = str(Path(__file__).resolve().parents[2])
_COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>"}
_NOT_OURS = f"{_ROOT}/.venv"


class Count(NamedTuple):
    calls: int
    lines: int


def count(work: Callable[[], object]) -> Count:
    """What the work executes when it is done again, as a warm process does it. It must do the same every time."""
    work()
    return Count(_calls(work), _lines(work))


def _is_ours(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name.startswith(_ROOT) and not name.startswith(_NOT_OURS)


def _calls(work: Callable[[], object]) -> int:
    found = 0

    def profile(frame: FrameType, event: str, _: Any) -> None:
        nonlocal found
        if (event == "c_call" or event == "call") and _is_ours(frame) and frame.f_code.co_name not in _COMPREHENSIONS:
            found += 1

    sys.setprofile(profile)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def _lines(work: Callable[[], object]) -> int:
    found = 0

    def local(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal found
        found += event == "line"
        return local

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        return local if _is_ours(frame) else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return found
