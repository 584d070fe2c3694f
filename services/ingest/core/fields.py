"""Makes the readers that a mapping file asks for, and notes which paths they read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from services.ingest.core import number_readers, readers, time_fields
from services.ingest.core.context import Subject, UnknownCustomerError
from services.ingest.core.functions import DIGEST, FUNCTIONS, joined
from services.ingest.core.mapping import Amount, ConsentPaths, Late, MappingError, Text, Whole
from services.ingest.core.notation import notation
from services.ingest.core.number_readers import SIGNS, Written
from services.ingest.core.paths import Key, Paths
from services.ingest.core.plausibility import EARLY_DAYS_MAX, GIVEN
from services.ingest.core.readers import Reader, Source
from services.ingest.core.tree import Flat, Refuse
from shared.contracts.currencies import DIGITS
from shared.contracts.faults import Code
from shared.contracts.fields import DAYS_LATE_MAX, ID_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from shared.contracts.identifier_schemes import OtherSchemeError
from shared.contracts.identity import IdentifierError, tells
from shared.contracts.messages import Consent
from shared.contracts.texts import TextError, one_form

T = TypeVar("T")
W = TypeVar("W", bound=str)
_UNKNOWN_CUSTOMER = (
    "The crosswalk does not say whose this customer number is. Give the operator the number with the person's"
    " identifier, and then send the event again."
)

_NO_CURRENCY = (
    "ISO 4217 has no such currency. Say its code, as CNY; the field in which amounts say theirs is `currency_path`."
)
_OWN_NUMBERS = " If people are named by numbers of your own, have the mapping say `crosswalk = true`."


@dataclass(frozen=True, slots=True)
class Fields(Paths):
    """Makes the readers of texts, people and numbers; `time_fields` makes those of times and days."""

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
        self._check_spelled(spec.map, (*key, "map"))
        translated = readers.one_of(read, spec.map, self.label(spec), self.spelled)
        if spec.path is not None and spec.type == "number":
            return translated
        if spec.path is None:
            return translated
        return self.tried(self.source(spec.path, (*key, "path")), (*key, "map"), translated, spec.map)

    def _text(self, spec: Text, key: Key, characters_max: int, absent: Code) -> Reader[str]:
        if spec.fixed is not None:
            _check_form(spec.fixed, characters_max, (*key, "fixed"))
            return readers.fixed(spec.fixed)
        if spec.path is not None:
            source = self.source(spec.path, (*key, "path"))
            if spec.type == "number":
                return self._digits(source, key, absent)
            return self.tried(source, (*key, "path"), readers.text(source, characters_max, absent))
        function = self._functions.get(spec.function or "")
        if function is None:
            known = ", ".join(self._functions)
            raise MappingError((*key, "function"), f"There is no such function; there are: {known}.")
        of_digest = spec.function == DIGEST
        parts = tuple(
            self._digested(path, (*key, "paths", index))
            if of_digest
            else self._identity(path, (*key, "paths", index), characters_max, absent)
            for index, path in enumerate(spec.paths)
        )
        return readers.made(function, parts, self.label(spec), characters_max)

    def _digested(self, path: str, key: Key) -> Reader[str]:
        source = self.source(path, key)
        return self.tried(source, key, readers.digested(source))

    @property
    def _functions(self) -> Mapping[str, Callable[..., str]]:
        digest_of = self.context.digest_of
        return {**FUNCTIONS, DIGEST: lambda *parts: digest_of(joined(parts)) if any(parts) else ""}

    def _digits(self, source: Source, key: Key, absent: Code) -> Reader[str]:
        if not source.typed:
            raise MappingError((*key, "type"), "Only JSON has numbers; here every value is a text. Leave `type` out.")
        return self.tried(source, (*key, "path"), readers.digits(source, absent))

    def _check_spelled(self, words: Iterable[str], key: Key) -> None:
        """Raises MappingError for two words that are one to the file's `codes`."""
        if (spelled := self.spelled) is None:
            return
        seen: set[str] = set()
        for word in words:
            if spelled(word) in seen:
                raise MappingError((*key, word), "As `codes` compares words, this one is there already.")
            seen.add(spelled(word))

    def choice(self, spec: str | Text, key: Key, choices: tuple[W, ...]) -> Reader[W]:
        """One of our own words; the partner's, where the mapping has a `map`."""
        words = spec.map if isinstance(spec, Text) else {}
        for word, meaning in words.items():
            if meaning not in choices:
                raise MappingError((*key, "map", word), f"It must be one of: {', '.join(choices)}.")
        if isinstance(spec, Text) and spec.fixed is not None and spec.fixed not in choices:
            raise MappingError((*key, "fixed"), f"It must be one of: {', '.join(choices)}.")
        read = self.text(spec, key, TEXT_CHARACTERS_MAX)
        if words or (isinstance(spec, Text) and spec.fixed is not None):
            # Whatever it says then was found among the choices above.
            return cast("Reader[W]", read)
        chosen = readers.one_of(read, {word: word for word in choices}, self.label(spec))
        path = spec if isinstance(spec, str) else spec.path
        return chosen if path is None else self.tried(self.source(path, key), key, chosen, choices)

    def id(self, spec: str | Text, key: Key) -> Reader[str]:
        """The id of an event without an envelope. Whose it is, is not known yet.

        Of events of one message that have no id but a digest of what they say, the second with one digest is another
        event: two equal payments on a day are two (rules E22).
        """
        read = self._identity(spec, key, ID_CHARACTERS_MAX, Code.MISSING_FIELD)
        if not isinstance(spec, Text) or spec.function != DIGEST:
            return read

        def numbered(flat: Flat) -> str:
            digest, seen = read(flat), flat.get("@digests")
            if seen is None:
                return digest
            seen[digest] = seen.get(digest, 0) + 1
            return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"

        return numbered

    def _identity(self, spec: str | Text, key: Key, characters_max: int, absent: Code) -> Reader[str]:
        if isinstance(spec, str):
            source = self.source(spec, key)
            return self.tried(source, key, readers.identity(source, characters_max, absent))
        if spec.path is not None and not spec.map and spec.type == "text":
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

    def person(self, spec: str | Text, key: Key) -> Reader[Subject]:
        """The person that an identifier of the common scheme names."""
        read, label, person_of = self.text(spec, key), self.label(spec), self.context.person_of

        def person(flat: Flat) -> Subject:
            try:
                return person_of(read(flat))
            except IdentifierError as error:
                remedy = _OWN_NUMBERS if isinstance(error, OtherSchemeError) else ""
                raise Refuse(Code.SUBJECT_UNKNOWN_SCHEME, label, error.sentence + remedy) from None
            except UnknownCustomerError:
                raise Refuse(Code.UNKNOWN_CUSTOMER, label, _UNKNOWN_CUSTOMER) from None

        path = spec if isinstance(spec, str) else spec.path
        is_number = isinstance(spec, Text) and spec.type == "number"
        if path is None or is_number or self.context.crosswalk:
            return person
        return self.tried(self.source(path, key), key, person)

    def contact(self, spec: str | Text, key: Key) -> Reader[str]:
        """The user_id of another person than the one at `@person` (rules I8)."""
        person, label = self.person(spec, key), self.label(spec)

        def contact(flat: Flat) -> str:
            other = person(flat)
            if other.user_id == flat["@person"].user_id:
                raise Refuse(Code.CONTACT_IS_SUBJECT, label, "Name another person than the event's own.")
            if tells(flat["@id"], other.digits):
                raise names_person("@id")
            return other.user_id

        return contact

    def consent(self, spec: ConsentPaths, key: Key) -> Reader[Consent]:
        """The consent that the event cites; none of its parts may be missing (rules I5)."""
        absent = Code.CONSENT_MISSING
        given_at = time_fields.instant(self, spec.given_at, (*key, "given_at"), GIVEN, absent)
        id = self.named(spec.id, (*key, "id"), ID_CHARACTERS_MAX, absent)
        purpose = self.named(spec.purpose, (*key, "purpose"), TEXT_CHARACTERS_MAX, absent)
        return lambda flat: Consent(id=id(flat), purpose=purpose(flat), given_at=given_at(flat))

    # Numbers.

    def whole(self, spec: str | Whole, key: Key) -> Source:
        """Where a whole number stands; a text of digits is one where the mapping says that it is a text."""
        if isinstance(spec, str):
            return self.source(spec, key)
        source = self.source(spec.path, (*key, "path"))
        return replace(source, typed=False) if spec.type == "text" else source

    def amount(self, spec: Amount, key: Key) -> Reader[int | None]:
        """Minor units of the base currency."""
        source = self.source(spec.path, (*key, "path"))
        read = self._amount(spec, source, key)
        return readers.optional(read, source) if spec.optional else read

    def _written(self, spec: Amount) -> Written | None:
        """How the amount is written, None where nothing is said."""
        own = self.notation if spec.number is None else notation(spec.number)
        if spec.point is not None:
            own = None
        return None if own is None and spec.sign == "positive" else Written(own, SIGNS[spec.sign])

    def _amount(self, spec: Amount, source: Source, key: Key) -> Reader[int]:
        base = self.context.rates.base
        if spec.unit == "minor" and spec.currency == base:
            said = self._written(spec)
            return self._tried_amount(source, key, number_readers.minor_units(source, said), said)
        if spec.currency is not None and spec.currency not in DIGITS:
            raise MappingError((*key, "currency"), _NO_CURRENCY)
        currency: Reader[str] = readers.fixed(spec.currency or "")
        currency_label = source.label
        if spec.currency_path is not None:
            source_of = self.source(spec.currency_path, (*key, "currency_path"))
            currency_label = source_of.label
            currency = self.tried(source_of, (*key, "currency_path"), number_readers.currency(source_of))
        minor_units = self._minor_units(spec, source, key)
        return number_readers.in_base_currency(
            minor_units, currency, self.context.rates, self.context.zone, source.label, currency_label
        )

    def _minor_units(self, spec: Amount, source: Source, key: Key) -> Callable[[Flat, int], int]:
        said = self._written(spec)
        minor, major = (
            number_readers.minor_units(source, said),
            number_readers.major_units(source, decimal_point=spec.point == "decimal", said=said),
        )
        if spec.unit == "minor":
            return self._tried_amount(source, key, minor, said)
        if spec.unit == "major":
            return self._tried_amount(source, key, major, said)
        assert spec.unit_path is not None
        source_of = self.source(spec.unit_path, (*key, "unit_path"))
        unit_of = number_readers.unit(source_of, spec.units, self.spelled)
        unit = self.tried(source_of, (*key, "units"), unit_of, spec.units)
        self._check_spelled(spec.units, (*key, "units"))
        self._tried_amount(source, key, minor if "minor" in spec.units.values() else major, said)
        return lambda flat, digits: minor(flat) if unit(flat) == "minor" else major(flat, digits)

    def _tried_amount(
        self, source: Source, key: Key, read: Callable[[Flat, int], int], said: Written | None
    ) -> Callable[..., int]:
        own = said.notation if said is not None else None
        samples = [own.write(plain) for plain in ("12.50", "-12.50", "12", "-12")] if own else []
        self.tried(source, (*key, "path"), lambda flat: read(flat, 2), samples=samples)
        return read

    def days_late(self, spec: str | Late, key: Key) -> Reader[int]:
        """Whole days, at most what the retention profile takes for behavior."""
        days_max = self.context.behavior_days_late_max
        if isinstance(spec, str) or spec.path is not None:
            source = self.whole(spec if isinstance(spec, str) else Whole(spec.path or "", spec.type), key)
            counted = self.tried(source, key, number_readers.integer(source, DAYS_LATE_MAX, at_least=-EARLY_DAYS_MAX))
            counted = number_readers.early_is_on_time(counted)
            return number_readers.behavior_only(counted, source.label, days_max)
        if spec.fixed is not None:
            if not 0 <= spec.fixed <= days_max:
                raise MappingError((*key, "fixed"), f"Days late are 0 to {days_max}.")
            return readers.fixed(spec.fixed)
        assert spec.due is not None
        assert spec.cleared is not None
        between = time_fields.days_between(self, spec.due, spec.cleared, key)
        return number_readers.behavior_only(between, self.label(spec.cleared), days_max)


def _check_form(text: str, characters_max: int, key: Key) -> None:
    """Raises MappingError for a text of the mapping that is not the one form of itself."""
    try:
        form = one_form(text, characters_max)
    except TextError as error:
        raise MappingError(key, error.sentence) from None
    if form != text:
        raise MappingError(key, f"Write the text in its one form: `{form}`.")


_NAMES_PERSON = (
    "Send a text that does not have the person's identifier in it: its digits and letters in a row are enough, in any "
    "spelling, with separators between them, and without its prefix and its check digits."
)


def names_person(label: str) -> Refuse:
    """For a text that travels on and has the identifier of a person in the event in it (rules I3)."""
    return Refuse(Code.NAMES_PERSON, label, _NAMES_PERSON)
