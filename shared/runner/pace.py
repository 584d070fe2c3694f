"""How many records the next step of a shard takes at most: more while steps are short, fewer once they are long. Pure.

A step costs a transaction of Postgres and one of Kafka however few records it has, and a person's state is read and
written once in it however many of them are about that person. So a shard that is behind, whose steps are full, takes
more at once for as long as they stay short. One that keeps up takes what there is, which is less.
"""

from __future__ import annotations

FIRST = 2_000
"""Steps begin with this, and do not shrink below it: with fewer, most of a step is what does not depend on them."""
LONG_S = 0.5
"""What a step may take: so much is done once more after a kill, and so long do people and timers behind it wait."""


def first(most: int) -> int:
    """`most` is what the operator allows."""
    return min(FIRST, most)


def after(size: int, most: int, count: int, took_s: float) -> int:
    """The next size, when a step of `count` records that could have been `size` took so many seconds."""
    if took_s > LONG_S:
        return max(size // 2, first(most))
    is_short = took_s < LONG_S / 2
    return min(size * 2, most) if is_short and count >= size else size
