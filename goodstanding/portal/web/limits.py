"""How often somebody may ask: a bucket of tokens for each caller, which fills again with time.

It is in memory, of one process: two processes allow twice as much, which is no matter for what it protects.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil

_CALLERS_MAX = 20_000
"""The callers that are remembered. Whoever is forgotten for others has a full bucket again."""


class Limit:
    def __init__(self, per_minute: int) -> None:
        self._most, self._per_s = float(per_minute), per_minute / 60
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._left)

    def wait_s(self, caller: str, now_s: float, *, takes: bool = True) -> int:
        """0 for a request that may be answered, and counts it; else in how many seconds the next one may."""
        left, at = self._left.pop(caller, (self._most, now_s))
        left = min(self._most, left + max(now_s - at, 0) * self._per_s)
        if left < 1:
            self._left[caller] = left, now_s
            return max(1, ceil((1 - left) / self._per_s))
        self._left[caller] = (left - 1 if takes else left), now_s
        while len(self._left) > _CALLERS_MAX:
            self._left.popitem(last=False)
        return 0
