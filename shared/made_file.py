"""The command line of a committed file that the code makes, for example `python -m deploy.settings write | check`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def keep(module: str, file: Path, text: str, arguments: list[str] | None) -> int:
    """Write the file, or check that it has this text. The exit status: 1 when the committed file has another one."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=f"Keep {file.name} true.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="write the file")
    commands.add_parser("check", help="the committed file is what `write` writes")
    if parser.parse_args(arguments).command == "write":
        file.write_text(text, encoding="utf-8")
    elif not file.exists() or file.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{file.name}: not what the code makes: run `python -m {module} write`\n")
        return 1
    return 0
