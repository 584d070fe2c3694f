"""The copy of the rules with which alerts are tested differs from them in what is waited for, and in nothing else."""

from __future__ import annotations

import re

import pytest

from tests.alerts.quick_rules import quick, quick_expression
from tests.deploy.queries import rules


@pytest.mark.parametrize(
    ("shipped", "in_the_copy"), [("1m", "2s"), ("5m", "10s"), ("30m", "60s"), ("1d", "60s"), ("10s", "2s")]
)
def test_a_duration(shipped: str, in_the_copy: str) -> None:
    assert quick(shipped) == in_the_copy


@pytest.mark.parametrize(
    ("shipped", "in_the_copy"),
    [
        ("sum by (job) (rate(a_total[10m])) * 600 > 10", "sum by (job) (rate(a_total[20s])) * 600 > 10"),
        ("a_total unless a_total offset 15m", "a_total unless a_total offset 30s"),
        ("avg_over_time(a[1d] offset 30m) > 0.1", "avg_over_time(a[60s] offset 60s) > 0.1"),
        ("job:goodstanding_lag_seconds:max > 300", "job:goodstanding_lag_seconds:max > 10"),
        ("max(goodstanding_outbox_oldest_seconds) > 60", "max(goodstanding_outbox_oldest_seconds) > 2"),
        (
            'job:goodstanding_timers_late_seconds:max{job="scorer"} > 2 * 3600',
            'job:goodstanding_timers_late_seconds:max{job="scorer"} > 60',
        ),
        ("abs(goodstanding_clock_ahead_seconds) > 120", "abs(goodstanding_clock_ahead_seconds) > 120"),
        ('count(a{version="1h"}) > 1000', 'count(a{version="1h"}) > 1000'),
    ],
)
def test_an_expression(shipped: str, in_the_copy: str) -> None:
    assert quick_expression(shipped) == in_the_copy


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_no_rule_of_the_copy_waits_for_longer_than_a_minute(rule: dict[str, str]) -> None:
    assert re.findall(r"\b\d+[mhdwy]\b", quick_expression(rule["expr"])) == []
