"""Where the local stack keeps its files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import goodstanding

SYSTEM_HOME = Path("/var/lib/goodstanding")


def default_home() -> Path:
    """The directory of the stack that belongs to this checkout; GOODSTANDING_HOME overrides it.

    Two checkouts get two stacks. For root it is not below its home directory, which is closed to the user that
    Postgres steps down to.
    """
    if home := os.environ.get("GOODSTANDING_HOME"):
        return Path(home).absolute()
    checkout = Path(goodstanding.__file__).resolve().parents[1]
    name = f"{checkout.name}-{hashlib.sha256(os.fsencode(checkout)).hexdigest()[:8]}"
    if os.geteuid() == 0:
        return SYSTEM_HOME / name
    return _base("XDG_STATE_HOME", ".local/state") / name


def cache() -> Path:
    """The directory for what can be made again at any time."""
    return _base("XDG_CACHE_HOME", ".cache")


def maven_repository() -> Path:
    """The user's Maven repository, where the jars of other programs lie as well."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def _base(variable: str, below_home: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / below_home) / "goodstanding"
