"""The index of decisions names each record, by the title and the status that the record has."""

from __future__ import annotations

import re
from pathlib import Path

DECISIONS = Path(__file__).resolve().parents[3] / "docs/decisions"
_LINE = re.compile(r"^\| \[(\d{4})\]\(([^)]+)\) \| .+ \| ([^|]+) \|$", re.MULTILINE)


def test_the_index_names_each_record_with_its_status() -> None:
    index = {file: (number, status) for number, file, status in _LINE.findall((DECISIONS / "README.md").read_text())}
    records = {path.name: path.read_text() for path in DECISIONS.glob("[0-9]*.md")}
    assert index.keys() == records.keys()
    for file, (number, status) in index.items():
        assert records[file].startswith(f"# {number} ")
        assert status == _status(records[file])


def _status(record: str) -> str:
    """As the index says it: whether it is accepted, and which later records have changed it."""
    [line] = re.findall(r"^\*\*Status\*\*: (\w+(?:; amended by \[\d{4}\])?)", record, re.MULTILINE)
    return re.sub(r"[\[\]]", "", line)
