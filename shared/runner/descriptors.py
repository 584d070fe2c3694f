"""Whether the process is about to run out of file descriptors: then no connection opens, readiness's own included."""

from __future__ import annotations

import os
import resource

_ALARM_AT = 0.9
"""Said while there is still one left to say it over."""


def troubles() -> list[str]:
    """One sentence, or none."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = _used()
    if used is not None and used < limit * _ALARM_AT:
        return []
    return [
        f"{'all' if used is None else used} of {limit} file descriptors are in use, so connections fail; "
        "raise the limit (ulimit -n) and restart the process"
    ]


def _used() -> int | None:
    """None where there are none left even to look."""
    try:
        return len(os.listdir("/dev/fd"))
    except OSError:
        return None
