"""Apache Kafka's jars: exactly those that `kafka-jars.sha256` names, in the user's Maven repository.

The file has the format of sha256sum; in the repository, `sha256sum -c` checks it too. It names every jar, so that
nothing is resolved on a user's machine: a dependency range or a changed parent cannot bring in something else. After a
change of the version, `python -m goodstanding.platform.servers.jars` resolves Kafka again and writes the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import msgspec

from goodstanding.platform.servers import directories
from goodstanding.platform.servers.errors import ServersError

log = logging.getLogger(__name__)

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1"
# Kafka logs through slf4j-api 1.7, which finds only this binding; without one there is no log at all.
LOGGING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"

PINS = Path(__file__).with_name("kafka-jars.sha256")
_DOWNLOADS_AT_ONCE = 6
_TIMEOUT_S = 60


class Pin(msgspec.Struct, frozen=True):
    """One jar: its SHA-256 and its path inside a Maven repository."""

    sha256: str
    path: PurePosixPath


def class_path() -> list[Path]:
    """The jars in a fixed order, each verified. Fetches those that are missing or damaged.

    Verification reads 44 MB, so it is done once per set of jars and remembered by their sizes and times.
    """
    repository = directories.maven_repository()
    pins = read_pins()
    jars = [repository / pin.path for pin in pins]
    memory = directories.cache() / "kafka-jars.json"
    if _remembered(memory) == (seen := fingerprint(jars)) and seen is not None:
        return jars
    wrong = [pin for pin in pins if not _is_right(repository, pin)]
    if wrong:
        _fetch(repository, wrong)
    with contextlib.suppress(OSError):  # without the memory, they are only verified again
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(fingerprint(jars) or "")
    return jars


def fingerprint(jars: Iterable[Path]) -> str | None:
    """A hash of the pins and of each jar's path, size and time of change; `None` when one is missing."""
    try:
        facts = [(str(jar), (status := jar.stat()).st_size, status.st_mtime_ns) for jar in jars]
    except FileNotFoundError:
        return None
    return hashlib.sha256(PINS.read_bytes() + json.dumps(facts).encode()).hexdigest()


def read_pins() -> list[Pin]:
    """The committed jars, sorted by path."""
    lines = (line.split() for line in PINS.read_text().splitlines())
    return [Pin(sha256=digest, path=PurePosixPath(path)) for digest, path in lines]


def pin() -> None:
    """Resolve Kafka again and write the pins, after a change of the version.

    The two are resolved apart: together, each would manage the other's dependencies, and log4j's parent would bring
    in a Kafka client of another version.
    """
    import jgo

    artifacts = {artifact.resolve() for endpoint in (KAFKA, LOGGING) for artifact in jgo.resolve(endpoint)}
    repository = directories.maven_repository()
    lines = (f"{_sha256(jar)}  {jar.relative_to(repository).as_posix()}\n" for jar in sorted(artifacts))
    PINS.write_text("".join(lines))


def _remembered(memory: Path) -> str | None:
    try:
        return memory.read_text()
    except FileNotFoundError:
        return None


def _is_right(repository: Path, pin: Pin) -> bool:
    try:
        return _sha256(repository / pin.path) == pin.sha256
    except FileNotFoundError:
        return False


def _sha256(jar: Path) -> str:
    with jar.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(repository: Path, pins: list[Pin]) -> None:
    """Fetch the jars beside their place and move each there once it is verified.

    So a download that breaks off, or two at once, leave nothing wrong in a repository that others use too.
    """
    log.info("fetching %d jars of Apache Kafka, once", len(pins))
    repository.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".goodstanding-", dir=repository) as staging,
        ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool,
    ):
        for _ in pool.map(lambda pin: _fetch_one(repository, Path(staging), pin), pins):
            pass


def _fetch_one(repository: Path, staging: Path, pin: Pin) -> None:
    fetched = _download(staging, pin)
    if (found := _sha256(fetched)) != pin.sha256:
        raise ServersError(
            f"{pin.path.name} is not the jar that this project was tested with: its SHA-256 is {found}, "
            f"not {pin.sha256}. It was not kept. Something between here and Maven Central changes downloads; "
            "try another network or mirror."
        )
    jar = repository / pin.path
    jar.parent.mkdir(parents=True, exist_ok=True)
    os.replace(fetched, jar)


def _download(staging: Path, pin: Pin) -> Path:
    # Imported here, since it takes as long as everything else in this module, and is needed once per machine.
    from jgo.maven import MavenContext
    from requests import RequestException

    *group, artifact, version, _ = pin.path.parts
    context = MavenContext(repo_cache=staging, timeout=_TIMEOUT_S)
    try:
        return context.project(".".join(group), artifact).at_version(version).artifact().resolve()
    except (RequestException, RuntimeError) as error:
        raise ServersError(
            f"Apache Kafka's {pin.path.name} could not be fetched from Maven Central ({error}). This needs a network "
            "once; behind a proxy set HTTPS_PROXY, and REQUESTS_CA_BUNDLE if it has a certificate authority of its "
            "own. Or name a broker of your own in GOODSTANDING_KAFKA."
        ) from error


if __name__ == "__main__":
    pin()
