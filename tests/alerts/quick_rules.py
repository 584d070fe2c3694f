"""A quick copy of the shipped rules: what they wait a minute for, it waits two seconds for.

Only waiting is made quicker, so that a campaign need not last for days: the time for which a condition must hold, the
time over which is counted or to which is looked back, and the ages that are too old. Conditions stay as they are, and
so do rates, which are per second of the machine's.
"""

from __future__ import annotations

import re
from math import prod
from typing import Any

TIMES = 30
SHORTEST_S, LONGEST_S = 2, 60
"""Bounds of all durations in the copy: without them a day would still be three quarters of an hour."""
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(?<=\[)(\d+)([smhd])(?=\])|(?<=offset )(\d+)([smhd])\b")
_AGES = (
    "job:goodstanding_lag_seconds:max",
    "goodstanding_outbox_oldest_seconds",
    "job:goodstanding_timers_late_seconds:max",
    "pg_stat_activity_max_tx_duration",
)
_TOO_OLD = re.compile(rf"((?:{'|'.join(_AGES)})(?:\{{[^}}]*\}})?\)? > )(\d+(?: \* \d+)?)")


def quick(duration: str) -> str:
    """The same duration in the copy."""
    return f"{max(min(int(duration[:-1]) * _SECONDS[duration[-1]] // TIMES, LONGEST_S), SHORTEST_S)}s"


def quick_expression(expression: str) -> str:
    expression = _DURATION.sub(lambda found: quick(found[0]), expression)
    return _TOO_OLD.sub(lambda found: found[1] + quick(f"{prod(map(int, found[2].split('*')))}s")[:-1], expression)


def quick_rules(rules: Any) -> Any:
    """What a file of rules says, in the copy."""
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule["expr"] = quick_expression(rule["expr"])
        if "for" in rule:
            rule["for"] = quick(rule["for"])
    return rules
