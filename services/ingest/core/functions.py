"""What a mapping file cannot say: each entry makes one id from the texts at the paths that the mapping names.

The parts come in the one form of a text that is an identity, none of them empty; what is made is such a text as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping


def case_number(*parts: str) -> str:
    """A court's case as one id, of the court, the year and the number in the court's register."""
    return joined(parts)


def joined(parts: tuple[str, ...]) -> str:
    """The parts with `-` between them; what would be read as another join is escaped, so no two lists give one id."""
    text = "-".join(parts)
    if text.count("-") == len(parts) - 1 and "~" not in text:
        return text
    return "-".join([part.replace("~", "~~").replace("-", "~-") for part in parts])


def join(*parts: str) -> str:
    """The texts with `-` between them."""
    return joined(parts)


FUNCTIONS: Mapping[str, Callable[..., str]] = {"case_number": case_number, "joined": join}
DIGEST = "digest"
"""Made with the deployment's key, so `fields` makes it: 32 hexadecimal digits of the joined texts."""
