"""The paths of a partner's format that a mapping names: each one checked, noted, and called as the partner calls it."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import TypeAlias, TypeVar

from services.ingest.core.context import ReadingContext
from services.ingest.core.mapping import MappingError, Moment, Text, Whole
from services.ingest.core.notation import Notation
from services.ingest.core.readers import Reader, Source
from services.ingest.core.trying import Trial, check_visible, check_words
from shared.contracts.demographics import is_demographic

T = TypeVar("T")
Key: TypeAlias = tuple[str | int, ...]
"""Where something stands in the mapping file, for errors: ("events", 2, "amount")."""

ATTRIBUTES = ("@type", "@subject")


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one block of a file. `zone` is the file's, None where it states none; `columns` are a CSV's."""

    context: ReadingContext
    prefix: str
    zone: tzinfo | None
    columns: Container[str] | None
    attributes: tuple[str, ...]
    notation: Notation | None = None
    """How the file says that numbers are written."""
    spelled: Callable[[str], str] | None = None
    """How the file says that words are compared, if not to the letter."""
    paths: set[str] = field(default_factory=set)
    """Paths read so far."""
    trials: list[Trial] = field(default_factory=list)
    """The readers made so far, to be tried."""
    errors: list[MappingError] = field(default_factory=list)
    """What was found wrong so far, in the whole file."""

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what is wrong within, and go on, so that all of it is told at once."""
        try:
            yield
        except MappingError as error:
            self.errors.append(error)

    def tried(
        self, source: Source, key: Key, read: Reader[T], words: Iterable[str] = (), samples: Iterable[str] = ()
    ) -> Reader[T]:
        """The reader, noted to be tried; it must take each of these words of the mapping. `samples` are texts in the
        notation that the file declares."""
        trial = Trial(source.path, key, read, tuple(words), tuple(samples))
        check_words(trial)
        self.trials.append(trial)
        return read

    def source(self, path: str, key: Key) -> Source:
        """The source at this path. Raises MappingError for a path that cannot be there.

        What stands under a name with `@` is called so in a refusal too, until `normalize` knows the sender's word.
        """
        if path.startswith("@"):
            if path not in self.attributes:
                raise MappingError(key, f"There is no attribute `{path}` to read here.")
            return Source(path, path)
        check_path(path, self.columns, key)
        self.paths.add(path)
        return Source(path, self.prefix + path, typed=self.columns is None)

    def label(self, spec: str | Text | Moment | Whole) -> str:
        """What a value is called in refusals: its path, or the first one of those it is made of."""
        path = spec if isinstance(spec, str) else spec.path
        if path is None and isinstance(spec, Text):
            path = spec.paths[0] if spec.paths else ""
        first = path if isinstance(path, str) else path[0] if path else ""
        return first if first.startswith("@") else self.prefix + first


def check_path(path: str, columns: Container[str] | None, key: Key) -> None:
    """Raises MappingError for a path that no body may have."""
    names = path.split(".") if columns is None else [path]
    if not all(names):
        raise MappingError(key, "A path is names joined by points.")
    for name in names:
        check_visible(name, key)
    if is_demographic(path):
        raise MappingError(key, "Sex, age, marital status, religion, ethnicity, health and biometrics are never taken.")
    if columns is not None and path not in columns:
        raise MappingError(key, "There is no such column.")
