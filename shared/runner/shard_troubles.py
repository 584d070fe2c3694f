"""The troubles of shards in words, told together where shards have the same one. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_FIGURE = re.compile(r"[0-9]+")


def together(troubles: Mapping[int, str]) -> list[str]:
    """`troubles` has the trouble of each shard. Troubles that differ in their figures alone, as offsets do, are told
    once, as the first of these shards has it."""
    alike: dict[str, list[int]] = {}
    for index, trouble in sorted(troubles.items()):
        alike.setdefault(_FIGURE.sub("0", trouble), []).append(index)
    return [_told([(index, troubles[index]) for index in indexes]) for indexes in alike.values()]


def _told(found: Sequence[tuple[int, str]]) -> str:
    (first, sentence), *others = found
    if any(trouble != sentence for _, trouble in others):
        return f"shard {first} (and, with other figures, {_named([index for index, _ in others])}): {sentence}"
    return f"{_named([index for index, _ in found])}: {sentence}"


def _named(indexes: Sequence[int]) -> str:
    """`indexes` rise. Neighbors from three on are a range."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else " and ".join(map(str, run)) for run in runs]
    return f"shard{'s' * (len(indexes) > 1)} {', '.join(parts)}"
