"""Makes the readers that a mapping file asks for, and notes which paths they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, TypeAlias, TypeVar

from services.ingest.core import readers
from services.ingest.core.deployment import Deployment, Person
from services.ingest.core.functions import FUNCTIONS
from services.ingest.core.mapping import DAYS, Amount, ConsentPaths, Late, MappingError, Moment, Text
from services.ingest.core.plausibility import EARLY_DAYS_MAX, GIVEN, Bounds, judge_day, judge_obligation, judge_time
from services.ingest.core.readers import Reader, Source
from services.ingest.core.tree import Flat, Refuse
from services.ingest.core.trying import Trial, check_words
from shared.contracts.currencies import DIGITS
from shared.contracts.demographics import is_demographic
from shared.contracts.faults import Code
from shared.contracts.identity import IdentifierError, tells
from shared.contracts.messages import DAYS_LATE_MAX, ID_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, Consent
from shared.contracts.texts import TextError, one_form

T = TypeVar("T")
Key: TypeAlias = tuple[str | int, ...]
"""A place in the mapping file, for errors."""

ATTRIBUTES = ("@type", "@subject")


@dataclass(frozen=True, slots=True)
class Fields:
    """The places of one block of a file. `zone` is the file's, None where it states none; `columns` are a CSV's."""

    deployment: Deployment
    prefix: str
    zone: tzinfo | None
    columns: tuple[str, ...] | None
    attributes: tuple[str, ...]
    paths: set[str] = field(default_factory=set)
    """Paths read so far."""
    trials: list[Trial] = field(default_factory=list)
    """The readers made so far, to be tried."""

    def tried(self, source: Source, key: Key, read: Reader[T], words: Iterable[str] = ()) -> Reader[T]:
        """The reader, noted to be tried; it must take each of these words of the mapping."""
        trial = Trial(source.path, key, read, tuple(words))
        check_words(trial)
        self.trials.append(trial)
        return read

    def source(self, path: str, key: Key) -> Source:
        """The place at this path. Raises MappingError for one that cannot be there.

        What stands under a name with `@` is called so in a refusal too, until `normalize` knows the sender's word.
        """
        if path.startswith("@"):
            if path not in self.attributes:
                raise MappingError(key, f"There is no attribute `{path}` to read here.")
            return Source(path, path)
        check_path(path, self.columns, key)
        self.paths.add(path)
        return Source(path, self.prefix + path, typed=self.columns is None)

    def label(self, spec: str | Text | Moment) -> str:
        """What a value is called in refusals: its path, or the first one of those it is made of."""
        path = spec if isinstance(spec, str) else spec.path
        if path is None and isinstance(spec, Text):
            path = spec.paths[0] if spec.paths else ""
        first = path if isinstance(path, str) else path[0] if path else ""
        return first if first.startswith("@") else self.prefix + first

    # Texts.

    def text(
        self, spec: str | Text, key: Key, characters_max: int = ID_CHARACTERS_MAX, absent: Code = Code.MISSING_FIELD
    ) -> Reader[str]:
        """A text as the mapping says it, translated if it has a `map`."""
        if isinstance(spec, str):
            source = self.source(spec, key)
            return self.tried(source, key, readers.text(source, characters_max, absent))
        read = self._text(spec, key, characters_max, absent)
        if not spec.map:
            return read
        translated = readers.one_of(read, spec.map, self.label(spec))
        if spec.path is None:
            return translated
        return self.tried(self.source(spec.path, (*key, "path")), (*key, "map"), translated, spec.map)

    def _text(self, spec: Text, key: Key, characters_max: int, absent: Code) -> Reader[str]:
        if spec.fixed is not None:
            _check_form(spec.fixed, characters_max, (*key, "fixed"))
            return readers.fixed(spec.fixed)
        if spec.path is not None:
            source = self.source(spec.path, (*key, "path"))
            return self.tried(source, (*key, "path"), readers.text(source, characters_max, absent))
        function = FUNCTIONS.get(spec.function or "")
        if function is None:
            raise MappingError((*key, "function"), f"There is no such function; there are: {', '.join(FUNCTIONS)}.")
        parts = tuple(
            self._identity(path, (*key, "paths", index), characters_max, absent)
            for index, path in enumerate(spec.paths)
        )
        return readers.made(function, parts, self.label(spec), characters_max)

    def choice(self, spec: str | Text, key: Key, choices: tuple[str, ...]) -> Reader[str]:
        """One of our own words; the partner's, where the mapping has a `map`."""
        words = spec.map if isinstance(spec, Text) else {}
        for word, meaning in words.items():
            if meaning not in choices:
                raise MappingError((*key, "map", word), f"It must be one of: {', '.join(choices)}.")
        if isinstance(spec, Text) and spec.fixed is not None and spec.fixed not in choices:
            raise MappingError((*key, "fixed"), f"It must be one of: {', '.join(choices)}.")
        read = self.text(spec, key, TEXT_CHARACTERS_MAX)
        if words or (isinstance(spec, Text) and spec.fixed is not None):
            return read
        chosen = readers.one_of(read, {word: word for word in choices}, self.label(spec))
        path = spec if isinstance(spec, str) else spec.path
        return chosen if path is None else self.tried(self.source(path, key), key, chosen, choices)

    def id(self, path: str, key: Key) -> Reader[str]:
        """The id of an event without an envelope. Whose it is, is not known yet."""
        return self._identity(path, key, ID_CHARACTERS_MAX, Code.MISSING_FIELD)

    def _identity(self, spec: str | Text, key: Key, characters_max: int, absent: Code) -> Reader[str]:
        if isinstance(spec, str):
            source = self.source(spec, key)
            return self.tried(source, key, readers.identity(source, characters_max, absent))
        if spec.path is not None and not spec.map:
            return self._identity(spec.path, (*key, "path"), characters_max, absent)
        for word, meaning in spec.map.items():
            _check_form(meaning, characters_max, (*key, "map", word))
        return self.text(spec, key, characters_max, absent)

    def named(
        self, spec: str | Text, key: Key, characters_max: int = ID_CHARACTERS_MAX, absent: Code = Code.MISSING_FIELD
    ) -> Reader[str]:
        """An id or a word of the partner that travels on in its one form, so it must not name the person."""
        read, label = self._identity(spec, key, characters_max, absent), self.label(spec)

        def checked(flat: Flat) -> str:
            value = read(flat)
            if tells(value, flat["@person"].digits):
                raise names_person(label)
            return value

        return checked

    # People.

    def person(self, spec: str | Text, key: Key) -> Reader[Person]:
        """The person that an identifier of the common scheme names."""
        read, label, person_of = self.text(spec, key), self.label(spec), self.deployment.person_of

        def person(flat: Flat) -> Person:
            try:
                return person_of(read(flat))
            except IdentifierError as error:
                raise Refuse(Code.SUBJECT_UNKNOWN_SCHEME, label, error.sentence) from None

        path = spec if isinstance(spec, str) else spec.path
        return person if path is None else self.tried(self.source(path, key), key, person)

    def contact(self, spec: str | Text, key: Key) -> Reader[str]:
        """The user_id of another person, beside the one at `@person`."""
        person, label = self.person(spec, key), self.label(spec)

        def contact(flat: Flat) -> str:
            other = person(flat)
            if other == flat["@person"]:
                raise Refuse(Code.CONTACT_IS_SUBJECT, label, "Name another person than the event's own.")
            if tells(flat["@id"], other.digits):
                raise names_person("@id")
            return other.user_id

        return contact

    def consent(self, spec: ConsentPaths, key: Key) -> Reader[Consent]:
        """The consent that the event cites; none of its parts may be missing."""
        absent = Code.CONSENT_MISSING
        given_at = self.instant(spec.given_at, (*key, "given_at"), GIVEN, absent)
        id = self.named(spec.id, (*key, "id"), ID_CHARACTERS_MAX, absent)
        purpose = self.named(spec.purpose, (*key, "purpose"), TEXT_CHARACTERS_MAX, absent)
        return lambda flat: Consent(id=id(flat), purpose=purpose(flat), given_at=given_at(flat))

    # Numbers.

    def amount(self, spec: Amount, key: Key) -> Reader[int | None]:
        """Minor units of the base currency."""
        source = self.source(spec.path, (*key, "path"))
        read = self._amount(spec, source, key)
        return readers.optional(read, source) if spec.optional else read

    def _amount(self, spec: Amount, source: Source, key: Key) -> Reader[int]:
        base = self.deployment.rates.base
        if spec.unit == "minor" and spec.currency == base:
            return self._tried_amount(source, key, readers.minor_units(source))
        if spec.currency is not None and spec.currency not in DIGITS:
            raise MappingError((*key, "currency"), "The currency is none of ISO 4217.")
        currency: Reader[str] = readers.fixed(spec.currency or "")
        if spec.currency_path is not None:
            place = self.source(spec.currency_path, (*key, "currency_path"))
            currency = self.tried(place, (*key, "currency_path"), readers.currency(place))
        return readers.in_base_currency(
            self._minor_units(spec, source, key), currency, self.deployment.rates, self.deployment.zone, source.label
        )

    def _minor_units(self, spec: Amount, source: Source, key: Key) -> Callable[[Flat, int], int]:
        minor, major = readers.minor_units(source), readers.major_units(source, decimal_point=spec.point == "decimal")
        if spec.unit == "minor":
            return self._tried_amount(source, key, minor)
        if spec.unit == "major":
            return self._tried_amount(source, key, major)
        assert spec.unit_path is not None
        place = self.source(spec.unit_path, (*key, "unit_path"))
        unit = self.tried(place, (*key, "units"), readers.unit(place, spec.units), spec.units)
        self._tried_amount(source, key, minor if "minor" in spec.units.values() else major)
        return lambda flat, digits: minor(flat) if unit(flat) == "minor" else major(flat, digits)

    def _tried_amount(self, source: Source, key: Key, read: Callable[[Flat, int], int]) -> Callable[..., int]:
        self.tried(source, (*key, "path"), lambda flat: read(flat, 2))
        return read

    def days_late(self, spec: str | Late, key: Key) -> Reader[int]:
        """Whole days, at most what the retention profile takes for behavior."""
        days_max = self.deployment.behavior_days_late_max
        if isinstance(spec, str):
            source = self.source(spec, key)
            counted = self.tried(source, key, readers.integer(source, DAYS_LATE_MAX, at_least=-EARLY_DAYS_MAX))
            counted = readers.early_is_on_time(counted)
            return readers.behavior_only(counted, source.label, days_max)
        if spec.fixed is not None:
            if not 0 <= spec.fixed <= days_max:
                raise MappingError((*key, "fixed"), f"Days late are 0 to {days_max}.")
            return readers.fixed(spec.fixed)
        assert spec.due is not None
        assert spec.cleared is not None
        between = self._days_between(spec.due, spec.cleared, key)
        return readers.behavior_only(between, self.label(spec.cleared), days_max)

    def _days_between(self, due: str | Moment, cleared: str | Moment, key: Key) -> Reader[int]:
        """Whole days from the day it was due to the day it was cleared; early is on time."""
        due_of, cleared_of = self._day(due, (*key, "due")), self._day(cleared, (*key, "cleared"))
        labels, zone = (self.label(due), self.label(cleared)), self.zone or self.deployment.zone

        def days(flat: Flat) -> int:
            cleared_on, due_on = cleared_of(flat), due_of(flat)
            return max(judge_obligation(due_on, cleared_on, flat, labels, zone), 0)

        return days

    # Times and days.

    def instant(
        self, spec: str | Moment, key: Key, bounds: Bounds, absent: Code = Code.MISSING_FIELD
    ) -> Reader[datetime]:
        """An instant in UTC within its bounds, which is not later than the event's arrival."""
        read, label = self._instant(spec, key, absent), self.label(spec)

        def judged(flat: Flat) -> datetime:
            value = read(flat)
            judge_time(value, flat, label, bounds)
            return value

        return judged

    def _instant(self, spec: str | Moment, key: Key, absent: Code) -> Reader[datetime]:
        """RFC 3339 where the mapping says nothing else."""
        moment = spec if isinstance(spec, Moment) else Moment(path=spec, format="rfc3339")
        if moment.format in DAYS:
            raise MappingError(
                (*key, "as"), "A day is no instant; say one of rfc3339, epoch-seconds, epoch-millis, local."
            )
        read = readers.instant(
            self._word(moment, key, absent), self.label(spec), moment.format, self._zone(moment, key)
        )
        return self._tried_moment(spec, key, read)

    def _day(self, spec: str | Moment, key: Key) -> Reader[date]:
        """YYYY-MM-DD where the mapping says nothing else."""
        moment = spec if isinstance(spec, Moment) else Moment(path=spec, format="date")
        value = self._word(moment, key, Code.MISSING_FIELD)
        return self._tried_moment(
            spec, key, readers.day(value, self.label(spec), moment.format, self._zone(moment, key))
        )

    def _tried_moment(self, spec: str | Moment, key: Key, read: Reader[T]) -> Reader[T]:
        path = spec if isinstance(spec, str) else spec.path
        if not isinstance(path, str):
            return read
        return self.tried(self.source(path, key), key if isinstance(spec, str) else (*key, "path"), read)

    def day(self, spec: str | Moment, key: Key, bounds: Bounds) -> Reader[date | None]:
        """A day within its bounds, which is not later than that of the event's arrival; None where it is absent."""
        read, label, zone = self._day(spec, key), self.label(spec), self.zone or self.deployment.zone
        path = spec if isinstance(spec, str) else spec.path
        first = path if isinstance(path, str) else path[0]

        def judged(flat: Flat) -> date | None:
            if flat.get(first) is None:
                return None
            value = read(flat)
            judge_day(value, flat, label, bounds, zone)
            return value

        return judged

    def _word(self, moment: Moment, key: Key, absent: Code) -> Reader[Any]:
        if not isinstance(moment.path, str):
            of_date, of_time = moment.path
            return readers.joined(self.source(of_date, (*key, "path", 0)), self.source(of_time, (*key, "path", 1)))
        source = self.source(moment.path, (*key, "path"))
        return readers.number(source, absent) if moment.format.startswith("epoch") else readers.present(source, absent)

    def _zone(self, moment: Moment, key: Key) -> tzinfo:
        if moment.format == "local" and self.zone is None:
            raise MappingError((*key, "as"), "A local time needs the file to state its `zone`.")
        return self.zone or self.deployment.zone


def check_path(path: str, columns: tuple[str, ...] | None, key: Key) -> None:
    """Raises MappingError for a path that no body may have."""
    if not all(path.split(".")):
        raise MappingError(key, "A path is names joined by points.")
    if is_demographic(path):
        raise MappingError(key, "Sex, age, marital status, religion, ethnicity, health and biometrics are never taken.")
    if columns is not None and path not in columns:
        raise MappingError(key, "There is no such column.")


def _check_form(text: str, characters_max: int, key: Key) -> None:
    """Raises MappingError for a text of the mapping that is not the one form of itself."""
    try:
        form = one_form(text, characters_max)
    except TextError as error:
        raise MappingError(key, error.sentence) from None
    if form != text:
        raise MappingError(key, f"Write the text in its one form: `{form}`.")


def names_person(label: str) -> Refuse:
    """For a text that travels on and has the identifier of a person in the event in it (rules I3)."""
    return Refuse(Code.NAMES_PERSON, label, "Send a text that does not have the person's identifier in it.")
