"""What is strange about a mapping that compiles, so that nothing refuses it: perhaps it is not what was meant."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from goodstanding.partner.table_file import texts_of
from services.ingest.core.mapping import (
    ROOT_LIST,
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
    codes = [*(code for block in mapping.events for code in block.kinds), *mapping.skip]
    if len(words_of(mapping.kind)) == 1 and codes and all("/" in code for code in codes):
        yield (
            "Every code has a `/` in it, and `kind` names one place, where the whole text has to stand. Of two words "
            'name both places: `kind = ["...", "..."]`.'
        )
