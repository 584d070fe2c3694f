"""The schemes by which people are named: of each, what is an identifier, its one spelling, and what tells whose it is.

A deployment has one of them (rules I1). E-mail addresses, phone numbers and national ids are judged by libraries that
are kept up for that; they are imported when the first identifier of their scheme comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

SchemeName: TypeAlias = Literal[
    "account",
    "cn-resident-id",
    "email",
    "phone",
    "at-vnr",
    "bg-egn",
    "br-cpf",
    "ch-ssn",
    "cl-rut",
    "de-idnr",
    "ee-ik",
    "es-nif",
    "fr-nir",
    "gr-amka",
    "hr-oib",
    "ie-pps",
    "in-aadhaar",
    "it-codicefiscale",
    "lt-asmens",
    "mx-curp",
    "nl-bsn",
    "pl-pesel",
    "ro-cnp",
    "si-emso",
    "tr-tckimlik",
    "us-ssn",
]

_SEPARATORS = re.compile("[ -]+")
_WRITTEN_BETWEEN = re.compile(r"[ ./()-]+")
_ACCOUNT = re.compile(r"GS([0-9]{10})([0-9]{2})")
_RESIDENT_ID = re.compile(r"[1-9][0-9]{5}([0-9]{8})[0-9]{3}[0-9X]")
_PHONE = re.compile(r"\+[0-9]{4,18}")
_LETTERS_AND_DIGITS = re.compile("[0-9A-Z]{4,24}")


class IdentifierError(ValueError):
    """The identifier does not fit the scheme. `sentence` says how it should look and never repeats it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class OtherSchemeError(IdentifierError):
    """The text does not even look like an identifier of the scheme: it may be a partner's private customer number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One scheme. `normalize` is given a text whose compatibility forms are resolved, and raises IdentifierError.

    Whatever is longer than `characters_max` is not looked at: the longest identifier has fewer, blanks and hyphens
    aside. `telling` are parts of a normalized identifier each of which is enough to know the person: without a prefix,
    and without what follows from the rest. `sample` makes valid ones for demos and tests, if the scheme has any.
    """

    normalize: Callable[[str], str]
    telling: Callable[[str], tuple[str, ...]]
    example: str
    characters_max: int = 64
    sample: Callable[[int], str] | None = None


# A platform account.


def sample_account(number: int) -> str:
    """A valid platform account for demos and tests; `number` is 0 to 9,999,999,999."""
    if not 0 <= number < 10**10:
        raise ValueError("An account number has ten digits.")
    return f"GS{number:010d}{98 - number * 100 % 97:02d}"


def _account(text: str) -> str:
    # ISO 7064 MOD 97-10: the ten digits with their two check digits leave 1 when divided by 97.
    identifier = _SEPARATORS.sub("", text).upper()
    found = _ACCOUNT.fullmatch(identifier)
    if not found:
        raise OtherSchemeError(
            "A platform account is `GS`, ten digits and two check digits; a private customer number is not taken."
        )
    if int(found[1] + found[2]) % 97 != 1 or not 2 <= int(found[2]) <= 98:
        raise IdentifierError("The two check digits of the platform account are wrong (ISO 7064, MOD 97-10).")
    return identifier


# A Chinese resident id.


def _resident_id(text: str) -> str:
    # GB 11643: region, day of birth, sequence, and a check character by ISO 7064 MOD 11-2.
    identifier = _SEPARATORS.sub("", text).upper()
    found = _RESIDENT_ID.fullmatch(identifier)
    if not found:
        raise OtherSchemeError(
            "A resident id has 17 digits and a check character; a private customer number is not taken."
        )
    if not _is_day(found[1]):
        raise IdentifierError("The resident id's day of birth is no day of the calendar (GB 11643).")
    if _check_character(identifier[:17]) != identifier[17]:
        raise IdentifierError("The resident id's check character is wrong (GB 11643).")
    return identifier


def _check_character(digits: str) -> str:
    remainder = 0
    for digit in digits:
        remainder = (remainder + int(digit)) * 2 % 11
    return "0123456789X"[(12 - remainder) % 11]


def _is_day(digits: str) -> bool:
    try:
        date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return True


def _resident_telling(normalized: str) -> tuple[str, ...]:
    """A resident id of a birth before 2000 has an older form too, of fifteen digits, which has neither the century nor
    the check character; it is still on contracts and in the records of banks."""
    digits = normalized[:17]
    return (digits, digits[:6] + digits[8:]) if digits[6:8] == "19" else (digits,)


def _sample_resident_id(number: int) -> str:
    born = date(1950, 1, 1) + timedelta(days=number // 1000)
    digits = f"110105{born:%Y%m%d}{number % 1000:03d}"
    return digits + _check_character(digits)


# An e-mail address.


def _email(text: str) -> str:
    """Lower case: no provider of any size distinguishes two people by case. A domain of other letters is in its ASCII
    form, which no version of a library changes."""
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text.strip(" "), check_deliverability=False)
    except EmailNotValidError:
        raise OtherSchemeError(
            "An e-mail address looks like jane.doe@example.com; a private customer number is not taken."
        ) from None
    return f"{found.local_part.lower()}@{found.ascii_domain}"


def _email_telling(normalized: str) -> tuple[str, ...]:
    if "xn--" not in normalized:
        return (normalized,)
    from email_validator import validate_email

    found = validate_email(normalized, check_deliverability=False)
    return (normalized, f"{found.local_part}@{found.domain}")


# A phone number.


def _phone(text: str) -> str:
    """E.164. A national form would name somebody else in another country, so the country's code is asked for."""
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_valid_number, parse

    written = _WRITTEN_BETWEEN.sub("", text)
    if not _PHONE.fullmatch(written):
        raise OtherSchemeError(
            "A phone number is written with `+` and the country's code, such as +49 30 23125000; a private customer "
            "number is not taken."
        )
    try:
        number = parse(written)
    except NumberParseException:
        number = None
    if number is None or not is_valid_number(number):
        raise IdentifierError("There is no such phone number; look at the country's code and at the number of digits.")
    return format_number(number, PhoneNumberFormat.E164)


_NATIONAL_DIGITS_MIN = 7
"""A number with fewer digits within its country would be found in other numbers by chance."""


def _phone_telling(normalized: str) -> tuple[str, ...]:
    """The number within its country, which is part of every way to write it."""
    from phonenumbers import national_significant_number, parse

    national = national_significant_number(parse(normalized))
    return (national if len(national) >= _NATIONAL_DIGITS_MIN else normalized,)


def _sample_phone(number: int) -> str:
    """Of the international numbers that are free of charge, since these are nobody's own."""
    return f"+800{10_000_000 + number % 90_000_000}"


# National ids.


def _national(name: SchemeName, title: str, example: str, check_characters: int, *, is_padded: bool = False) -> Scheme:
    """An id that `python-stdnum` knows by country and module. `check_characters` follow from the rest, at its end;
    `is_padded` says that the same id is also written without its zeros at the beginning."""
    country, module = name.split("-", 1)

    def normalize(text: str) -> str:
        from stdnum import get_cc_module
        from stdnum.exceptions import InvalidChecksum, ValidationError

        numbers = get_cc_module(country, module)
        assert numbers is not None, name
        written = _WRITTEN_BETWEEN.sub("", text).upper()
        try:
            if not _LETTERS_AND_DIGITS.fullmatch(written):
                raise ValidationError
            return str(numbers.validate(written))
        except InvalidChecksum:
            raise IdentifierError(f"The check digits of the {title} are wrong.") from None
        except ValidationError:
            raise OtherSchemeError(f"This is no {title}; a private customer number is not taken.") from None

    def telling(id: str) -> tuple[str, ...]:
        part = id[: len(id) - check_characters]
        return (part.lstrip("0") if is_padded else part,)

    return Scheme(normalize=normalize, telling=telling, example=example)


SCHEMES: Mapping[SchemeName, Scheme] = {
    "account": Scheme(
        normalize=_account,
        telling=lambda account: (account[2:12],),
        example=sample_account(1),
        sample=sample_account,
    ),
    "cn-resident-id": Scheme(
        normalize=_resident_id,
        telling=_resident_telling,
        example="11010519491231002X",
        sample=_sample_resident_id,
    ),
    "email": Scheme(
        normalize=_email,
        telling=_email_telling,
        example="jane.doe@example.com",
        characters_max=254,
        sample=lambda number: f"person{number}@example.com",
    ),
    "phone": Scheme(normalize=_phone, telling=_phone_telling, example="+49 30 23125000", sample=_sample_phone),
    "at-vnr": _national("at-vnr", "Austrian social security number", "1237010180", 0),
    "bg-egn": _national("bg-egn", "Bulgarian personal number", "7523169263", 1),
    "br-cpf": _national("br-cpf", "Brazilian CPF", "390.533.447-05", 2),
    "ch-ssn": _national("ch-ssn", "Swiss social security number", "756.9217.0769.85", 1),
    "cl-rut": _national("cl-rut", "Chilean RUT", "12.531.909-2", 1),
    "de-idnr": _national("de-idnr", "German tax identification number", "36 574 261 809", 1),
    "ee-ik": _national("ee-ik", "Estonian personal code", "36805280109", 1),
    "es-nif": _national("es-nif", "Spanish NIF", "54362315-K", 1),
    "fr-nir": _national("fr-nir", "French social security number", "2 95 10 99 126 111 93", 2),
    "gr-amka": _national("gr-amka", "Greek AMKA", "01013099997", 1),
    "hr-oib": _national("hr-oib", "Croatian OIB", "33392005961", 1),
    "ie-pps": _national("ie-pps", "Irish PPS number", "6433435F", 0),
    "in-aadhaar": _national("in-aadhaar", "Aadhaar number", "2341 2341 2346", 1),
    "it-codicefiscale": _national("it-codicefiscale", "Italian codice fiscale", "RCCMNL83S18D969H", 1),
    "lt-asmens": _national("lt-asmens", "Lithuanian personal code", "33309240064", 1),
    "mx-curp": _national("mx-curp", "Mexican CURP", "BOXW310820HNERXN09", 1),
    "nl-bsn": _national("nl-bsn", "Dutch BSN", "1112.22.333", 1, is_padded=True),
    "pl-pesel": _national("pl-pesel", "Polish PESEL", "44051401359", 1),
    "ro-cnp": _national("ro-cnp", "Romanian CNP", "1630615123457", 1),
    "si-emso": _national("si-emso", "Slovenian EMSO", "0101006500006", 1),
    "tr-tckimlik": _national("tr-tckimlik", "Turkish identity number", "17291716060", 2),
    "us-ssn": _national("us-ssn", "US social security number", "536-90-4399", 0),
}
