"""What a mapping file cannot say: each entry makes one text from the texts at the paths that the mapping names."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def case_number(*parts: str) -> str:
    """A court's case as one id, of the court, the year and the number in the court's register."""
    return "-".join([part.strip() for part in parts])


FUNCTIONS: Mapping[str, Callable[..., str]] = {"case_number": case_number}
