"""What is strange about a mapping that compiles, so that nothing refuses it: perhaps it is not what was meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from goodstanding.partner.table_file import texts_of
from services.ingest.core.mapping import (
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
    yield from _read_all_the_same(mapping)
    codes = [*(code for block in mapping.events for code in block.kinds), *mapping.skip]
    if len(words_of(mapping.kind)) == 1 and codes and all("/" in code for code in codes):
        yield (
            "Every code has a `/` in it, and `kind` names one place, where the whole text has to stand. Of two words "
            'name both places: `kind = ["...", "..."]`.'
        )


def _read_all_the_same(mapping: ForeignMapping) -> Iterator[str]:
    """The codes with an absent word that are said to be passed over, and are read by another code that comes first."""
    places = len(words_of(mapping.kind))
    said = {*mapping.skip, *(code for block in mapping.events for code in block.kinds)}
    for skipped in mapping.skip:
        words = _words(skipped, places)
        for code in (code for block in mapping.events for code in block.kinds):
            others = _words(code, places)
            fits = all(a == b or "*" in (a, b) for a, b in zip(words, others, strict=True))
            by_absence = any(a == "" and b == "*" for a, b in zip(words, others, strict=True))
            both = "/".join(a if b == "*" else b for a, b in zip(words, others, strict=True))
            if fits and by_absence and _preference(others) < _preference(words) and both not in said:
                yield (
                    f"`{skipped}` does not pass over an event that `{code}` fits as well: that code comes first. "
                    f"Say it whole: `{both}`."
                )


def _words(code: str, places: int) -> tuple[str, ...]:
    found = tuple(code.split("/", places - 1))
    return (*found, *[""] * (places - len(found)))


def _preference(words: Sequence[str]) -> tuple[int, list[bool]]:
    """Of several codes that fit, that with the least of this is taken."""
    return words.count("*"), [word == "*" for word in words]
