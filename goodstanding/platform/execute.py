"""Becomes a service: reads its environment from a file, since a command line would show passwords to everybody.

Arguments: the file (JSON, name to value), then the module. Run as a script; only the standard library is imported, so
that this costs the service's start nothing.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    file, module = sys.argv[1:]
    environment = {**os.environ, **json.loads(Path(file).read_bytes())}
    os.execve(sys.executable, [sys.executable, "-m", module], environment)


main()
