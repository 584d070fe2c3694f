"""A mapping is tried when it is loaded: each converter on texts of every form. One that takes no value is refused.

Each reader is listed with the path that it reads. All readers of one path must have one value in common that they take,
among the values that the format can have: in CSV these are texts only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from services.ingest.core.mapping import MappingError
from services.ingest.core.readers import Reader
from services.ingest.core.tree import Refuse
from shared.contracts.identifier_schemes import SCHEMES
from shared.contracts.texts import is_visible

_TEXTS = (
    *("word", "1", "-1", "12.50", "-12.50", "true", "CNY", "19782", "1709193600", "1709193600000", "1709193600000000"),
    *("20240229", "2024-02-29", "2024-02-29T08:00:00+08:00", "2024-02-29 08:00:00", "08:00:00"),
    *(scheme.example for scheme in SCHEMES.values()),
)
_COUNTS = (1, -1, 19_782, 1_709_193_600, 1_709_193_600_000, 1_709_193_600_000_000)
_TYPED = (True, *_COUNTS, Decimal("12.50"), Decimal("-12.50"))
_NOW = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Trial:
    """A reader to be tried. `key` is where it stands in the mapping file; `words` are those that it translates."""

    path: str
    key: tuple[str | int, ...]
    read: Reader[Any]
    words: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    """Texts in the notation that the file declares for it."""

    def takes(self, value: Any) -> bool:
        try:
            self.read({self.path: value, "@latest": _NOW, "@time": _NOW})
        except Refuse:
            return False
        return True


def check_visible(text: str, key: tuple[str | int, ...]) -> None:
    """Raises MappingError for a name or a word of the partner that people cannot tell from another one."""
    if not is_visible(text):
        sentence = "It has a character that cannot be seen, or a blank at an end or after another one. Take it out."
        raise MappingError(key, sentence)


def check_words(trial: Trial) -> None:
    """Raises MappingError for a word of the mapping that its own reader would refuse."""
    for word in trial.words:
        check_visible(word, (*trial.key, word))
        if not trial.takes(word):
            sentence = "This word can never come: it is empty, too long, or has control characters. Take it out."
            raise MappingError((*trial.key, word), sentence)


def check_paths(trials: Iterable[Trial], *, typed: bool) -> None:
    """Raises MappingError for a path at which no value is ever taken."""
    by_path: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_path[trial.path].append(trial)
    for path, together in by_path.items():
        words = [word for trial in together for word in trial.words]
        samples = [sample for trial in together for sample in trial.samples]
        values: tuple[Any, ...] = (*words, *samples, *_TEXTS, *(_TYPED if typed else ()))
        if not any(all(trial.takes(value) for trial in together) for value in values):
            sentence = (
                f"No value of `{path}` can be taken here and by the other keys that read it; name another place."
                if len(together) > 1
                else f"No value of `{path}` can be taken here; say another form, or name another place."
            )
            raise MappingError(together[-1].key, sentence)
