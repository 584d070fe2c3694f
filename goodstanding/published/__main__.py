"""`python -m goodstanding.published write | check`: keep schemas and reference true (`make contracts`)."""

from __future__ import annotations

import sys
from pathlib import Path

from goodstanding.published import mapping_reference, schemas, scorecard_reference


def files() -> dict[Path, str]:
    """All that is published, by the file that should hold it."""
    return schemas.files() | scorecard_reference.files() | mapping_reference.files()


def write() -> int:
    for file, text in files().items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return 0


def check() -> int:
    stale = [f for f, text in files().items() if not f.exists() or f.read_text(encoding="utf-8") != text]
    for file in stale:
        print(f"{file.name}: it is not what the code says: run `make contracts`", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write"]:
            raise SystemExit(write())
        case ["check"]:
            raise SystemExit(check())
        case _:
            raise SystemExit(__doc__)
