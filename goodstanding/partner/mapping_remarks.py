"""What is strange about a mapping that compiles, so that nothing refuses it: perhaps it is not what was meant."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import msgspec

from goodstanding.partner.event_file import texts_of
from services.ingest.core.mapping import (
    ANY,
    ROOT_LIST,
    ForeignMapping,
    JsonMapping,
    NativeMapping,
    PartnerMapping,
    words_of,
)


def remarks(mapping: PartnerMapping) -> Iterator[str]:
    """Each as a sentence with what to do."""
    if isinstance(mapping, NativeMapping):
        return
    within = f"{mapping.list}." if isinstance(mapping, JsonMapping) and mapping.list not in (None, ROOT_LIST) else ""
    if not any(text.startswith(within) for text in texts_of(msgspec.to_builtins(mapping))):
        yield (
            f"No path begins with `{within}`, so nothing is read of the members of the list. Paths are written as "
            f"though the one member stood there: `{within}id`."
        )
    codes = _codes(mapping)
    if len(words_of(mapping.kind)) == 1 and codes and all("/" in code for code in codes):
        yield (
            "Every code has a `/` in it, and `kind` names one place, where the whole text has to stand. Of two words "
            'name both places: `kind = ["...", "..."]`.'
        )
    yield from _equally_fitting(mapping, codes)


def _codes(mapping: ForeignMapping) -> dict[str, str]:
    """Our kinds by the partner's codes, in the order in which they are tried; `skip` for what is passed over."""
    mapped = {code: kind for block in mapping.events for code, kind in block.kinds.items()}
    return mapped | dict.fromkeys(mapping.skip, "skip")


def _equally_fitting(mapping: ForeignMapping, codes: dict[str, str]) -> Iterator[str]:
    """The codes of which two fit one event, and neither says more words than the other."""
    count = len(words_of(mapping.kind))
    words = {code: code.split("/", count - 1) for code in codes}
    for (first, mine), (second, theirs) in combinations(words.items(), 2):
        if codes[first] == codes[second] or mine.count(ANY) != theirs.count(ANY):
            continue
        pairs = list(zip(mine, theirs, strict=True))
        both = [one if other == ANY else other for one, other in pairs]
        if all(one == other or ANY in (one, other) for one, other in pairs) and both not in words.values():
            yield (
                f"`{first}` and `{second}` both fit `{'/'.join(both)}`, and the first is taken. To have it "
                f"otherwise, write `{'/'.join(both)}` itself."
            )
