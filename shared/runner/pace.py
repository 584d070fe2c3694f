"""How many records the next step of a shard takes at most: more while steps are short, fewer once they are long. Pure.

A step costs a transaction of Postgres and one of Kafka however few records it has, and a person's state is read and
written once in it however many of them are about that person. So a shard that is behind, whose steps are full, takes
more at once for as long as they stay short. A shard that keeps up takes the records that have come, which are fewer.
"""

from __future__ import annotations

FIRST = 2_000
"""Steps begin with this size, and do not shrink below it: with fewer records, most of a step's cost does not depend on
how many they are."""
LONG_S = 0.5
"""How long a step may take: that much work is done once more after a kill, and people and timers behind the step wait
for so long."""


def first(most: int) -> int:
    """`most` is what the operator allows."""
    return min(FIRST, most)


def after(size: int, most: int, count: int, took_s: float) -> int:
    """The next size, when a step of `count` records that could have been `size` took so many seconds."""
    if took_s > LONG_S:
        return max(size // 2, first(most))
    is_short = took_s < LONG_S / 2
    return min(size * 2, most) if is_short and count >= size else size
