"""How the deployment is laid out on its Kafka: the prefix of every name that it has there, and the number of partitions
over which people are spread. Both are read once, when names and tables are made, since they are the same for as long as
a process lives."""

from __future__ import annotations

import os
import re

PREFIX_VARIABLE = "GOODSTANDING_KAFKA_PREFIX"
PREFIX_FORM = r"(?:[a-z][a-z0-9-]{0,30}\.)?"
PARTITIONS_VARIABLE = "GOODSTANDING_PARTITIONS"
PARTITIONS_MAX = 1_000
_PARTITIONS_DEFAULT = 6


def _prefix() -> str:
    given = os.environ.get(PREFIX_VARIABLE, "")
    if not re.fullmatch(PREFIX_FORM, given):
        # Only a name and one point: then no deployment's names begin as another's do.
        raise SystemExit(
            f"{PREFIX_VARIABLE}: {given!r} is no prefix. It is a word of lower-case letters and digits, and a point."
        )
    return given


def _partitions() -> int:
    given = os.environ.get(PARTITIONS_VARIABLE) or str(_PARTITIONS_DEFAULT)
    if not given.isdecimal() or not 1 <= int(given) <= PARTITIONS_MAX:
        raise SystemExit(f"{PARTITIONS_VARIABLE}: {given!r} is no number from 1 to {PARTITIONS_MAX}.")
    return int(given)


PREFIX = _prefix()
PARTITIONS = _partitions()
