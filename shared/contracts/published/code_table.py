"""The table of refusal codes in the partners' guide, between two marks."""

from __future__ import annotations

from pathlib import Path

from shared.contracts.faults import Code
from shared.contracts.published.schemas import Problem

FILE = Path(__file__).parents[3] / "docs" / "partners.md"
_BEGIN = "<!-- codes: written by make contracts -->\n"
_END = "<!-- codes end -->\n"


def table() -> str:
    return "".join(("| code | meaning |\n|---|---|\n", *(f"| `{code}` | {code.meaning} |\n" for code in Code)))


def text(guide: str) -> str:
    """The guide with the table of the code. Raises ValueError for a guide that has lost its marks."""
    before, begin, rest = guide.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{FILE.name} has no marks {_BEGIN.strip()} and {_END.strip()}")
    return f"{before}{begin}{table()}{end}{after}"


def write(file: Path = FILE) -> None:
    file.write_text(text(file.read_text(encoding="utf-8")), encoding="utf-8")


def check(file: Path = FILE) -> list[Problem]:
    """Whether the guide has the table of the code."""
    guide = file.read_text(encoding="utf-8")
    if text(guide) == guide:
        return []
    return [Problem(file.name, "its table of codes is not the code's: run `make contracts`")]
