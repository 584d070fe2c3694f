"""How many examples a law is tried on, where a hundred are too few or take too long."""

from __future__ import annotations

from hypothesis import settings

_DEFAULT = 100


def examples(count: int) -> settings:
    """`count` in `make test`; with `--hypothesis-profile=long` twenty times as many, as for every other law."""
    return settings(max_examples=count * settings().max_examples // _DEFAULT)
