"""What stands before every name that the deployment has on its Kafka, so that several deployments can share one."""

from __future__ import annotations

import os
import re

VARIABLE = "GOODSTANDING_KAFKA_PREFIX"
FORM = r"(?:[a-z][a-z0-9-]{0,30}\.)?"
_NONE = ""


def _read() -> str:
    given = os.environ.get(VARIABLE, _NONE)
    if not re.fullmatch(FORM, given):
        # Only a name and one point: then no deployment's names begin as another's do.
        raise SystemExit(
            f"{VARIABLE}: {given!r} is no prefix. It is a word of lower-case letters and digits, and a point."
        )
    return given


PREFIX = _read()
"""Read once, when the names are made: they are the same for as long as a process lives."""
