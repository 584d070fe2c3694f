"""What more than one dashboard asks Prometheus."""

from __future__ import annotations

# An alert is about a service or about a partner; of a label that is missing, a mark would show the name.
FIRING = 'label_join(ALERTS{alertstate="firing"}, "of", "", "job", "partner")'


def rate(by: str, counter: str) -> str:
    return f"sum by ({by}) (rate({counter}[$__rate_interval]))"


def count(counter: str, window: str) -> str:
    """What was counted in a window, with the count that a counter of new labels begins with: `increase` misses it."""
    born = f"max_over_time({counter}[{window}]) unless {counter} offset {window}"
    return f"{born} or increase({counter}[{window}])"


def people(by: str, value: str = ".+") -> str:
    """How many there are; every process counts all."""
    return f'max by (value) (goodstanding_people{{by="{by}", value=~"{value}"}})'


LATE = "job:goodstanding_timers_late_seconds:max"
NEXT = 'goodstanding_timers_next_timestamp_seconds{job="scorer"}'
PUBLISHED = 'goodstanding_outcomes_total{job="scorer", result="published"}'
