"""How identifiers are normalized, checked and made pseudonymous."""

from __future__ import annotations

import itertools
from datetime import date
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.identifier_schemes import SCHEMES
from shared.contracts.identity import (
    IdentifierError,
    SchemeName,
    normalize,
    sample_account,
    telling_digits,
    tells,
    user_id,
)

KEY = bytes(range(32))
ACCOUNT = "GS000000000195"
RESIDENT = "11010519491231002X"  # the example of GB 11643

TAKEN = [
    ("account", ACCOUNT, ACCOUNT),
    ("account", "  gs 0000-0000-01 95 ", ACCOUNT),
    ("account", "ＧＳ０００００００００１９５", ACCOUNT),  # full width, as an input method writes it
    ("account", "GS0000000001\u201195", ACCOUNT),
    ("account", "GS0000000001\u00a095", ACCOUNT),
    ("account", "GS0000000001\u2e3a95", ACCOUNT),
    ("account", "GS0000000001\u279695", ACCOUNT),
    ("account", sample_account(9_999_999_999), "GS999999999951"),
    ("cn-resident-id", RESIDENT, RESIDENT),
    ("cn-resident-id", "110105 19491231 002x", RESIDENT),
    ("cn-resident-id", "440524188001010014", "440524188001010014"),
    ("email", "  Jane.Doe@Example.COM ", "jane.doe@example.com"),
    ("email", "ｊａｎｅ．ｄｏｅ＠ｅｘａｍｐｌｅ．ｃｏｍ", "jane.doe@example.com"),
    ("email", "jane\u2011doe@example.com", "jane-doe@example.com"),
    ("email", "Jäne@Bücher.example", "jäne@xn--bcher-kva.example"),
    ("email", "jane@XN--BCHER-KVA.example", "jane@xn--bcher-kva.example"),
    ("email", "jane+news@example.com", "jane+news@example.com"),  # another address, and so another person
    ("phone", "+49 30 23125000", "+493023125000"),
    ("phone", "+49 (0)30 / 231-25-000", "+493023125000"),
    ("phone", "＋４９　３０\u00a0２３１２５０００", "+493023125000"),
    ("phone", "+39 06 1234567", "+39061234567"),  # in Italy the zero belongs to the number
    ("phone", "+1 (212) 555-0123", "+12125550123"),
    ("phone", "+86 138\u20110013\u20138000", "+8613800138000"),
    ("de-idnr", "36 574 261 809", "36574261809"),
    ("es-nif", "x-2482300w", "X2482300W"),
    ("br-cpf", "390.533.447-05", "39053344705"),
    ("it-codicefiscale", "rccmnl83s18d969h", "RCCMNL83S18D969H"),
    ("pl-pesel", "４４０５１４０１３５９", "44051401359"),
]

REFUSED = [
    ("account", "", "A platform account is"),
    ("account", "C-4711", "A platform account is"),
    ("account", "GS00000000195", "A platform account is"),
    ("account", "GS0000000000195", "A platform account is"),
    ("account", "XX000000000195", "A platform account is"),
    ("account", "GS٠٠٠٠٠٠٠٠٠١٩٥", "A platform account is"),  # Arabic digits are digits, but not these
    ("account", RESIDENT, "A platform account is"),
    ("account", "GS000000000194", "check digits"),
    ("account", "GS000000001095", "check digits"),
    ("account", "GS000000000000", "check digits"),
    ("account", "G" * 65, "more than 64 characters"),
    ("account", "\ufdfa" * 64, "A platform account is"),  # one character that NFKC makes eighteen of
    ("account", "GS\x00000000000195", "A platform account is"),
    ("account", "GS0000000001\u202895", "A platform account is"),
    ("account", "GS0000000001\u00ad95", "A platform account is"),
    ("account", "GS000000000195\n", "A platform account is"),
    ("account", "GS0000000001\ufffc95", "cannot be seen"),
    ("account", "GS000000000\U0001ccf195", "cannot be seen"),  # a digit of Unicode 16.0
    ("cn-resident-id", ACCOUNT, "A resident id has"),
    ("cn-resident-id", "110105491231002", "A resident id has"),  # the fifteen digits of before 1999
    ("cn-resident-id", "010105194912310021", "A resident id has"),
    ("cn-resident-id", "110105194912310021", "check character"),
    ("cn-resident-id", "110105194902300021", "day of birth"),
    ("cn-resident-id", "110105000012310021", "day of birth"),
    ("email", "customer 4711", "An e-mail address looks like"),
    ("email", "jane doe@example.com", "An e-mail address looks like"),
    ("email", "jane@example", "An e-mail address looks like"),
    ("email", "jane@example.com\n", "An e-mail address looks like"),
    ("email", "Jane Doe <jane@example.com>", "An e-mail address looks like"),
    ("email", "jane\u00ad@example.com", "An e-mail address looks like"),
    ("email", "j" * 255, "more than 254 characters"),
    ("phone", "030 23125000", "the country's code"),
    ("phone", "0049 30 23125000", "the country's code"),
    ("phone", "+49 30 23125000 ext. 7", "the country's code"),
    ("phone", "+1 800 FLOWERS", "the country's code"),
    ("phone", "Tel. +49 30 23125000", "the country's code"),
    ("phone", "+49 30", "There is no such phone number"),
    ("phone", "+999 30 23125000", "There is no such phone number"),
    ("phone", "+4930\u200b23125000", "the country's code"),
    ("phone", "+4930\u115f23125000", "cannot be seen"),
    ("de-idnr", "36 574 261 808", "check digits"),
    ("de-idnr", "C-4711", "This is no German tax identification number"),
    ("de-idnr", "36574261809\t", "This is no German tax identification number"),
    ("us-ssn", "078-05-1120", "This is no US social security number"),  # printed on cards that came with wallets
    ("pl-pesel", "44051401358", "check digits"),
    ("pl-pesel", "٤٤٠٥١٤٠١٣٥٩", "This is no Polish PESEL"),
]


@pytest.mark.parametrize(("scheme", "raw", "expected"), TAKEN)
def test_one_spelling(scheme: SchemeName, raw: str, expected: str) -> None:
    assert normalize(scheme, raw) == expected
    assert normalize(scheme, expected) == expected


@pytest.mark.parametrize(("scheme", "raw", "reason"), REFUSED)
def test_refused_without_repeating_it(scheme: SchemeName, raw: str, reason: str) -> None:
    with pytest.raises(IdentifierError) as caught:
        normalize(scheme, raw)
    assert reason in caught.value.sentence
    assert not raw or raw not in caught.value.sentence


def test_a_scheme_that_does_not_exist_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        normalize("passport", ACCOUNT)  # type: ignore[arg-type]  # no such scheme


@pytest.mark.parametrize("scheme", get_args(SchemeName))
def test_every_scheme_has_an_example_that_it_takes(scheme: SchemeName) -> None:
    found = SCHEMES[scheme]
    identifier = normalize(scheme, found.example)
    assert normalize(scheme, identifier) == identifier
    assert tells(f"order {found.example.lower()}, paid", telling_digits(scheme, identifier))
    assert not tells("order 4711 of 2024-03-01", telling_digits(scheme, identifier))


@pytest.mark.parametrize("scheme", [name for name, scheme in SCHEMES.items() if scheme.sample])
def test_samples_are_valid_and_different(scheme: SchemeName) -> None:
    sample = SCHEMES[scheme].sample
    assert sample is not None
    assert len({normalize(scheme, sample(number)) for number in range(0, 3_000_000, 997)}) == len(
        range(0, 3_000_000, 997)
    )


def test_pseudonym_is_the_hmac_of_scheme_and_identifier() -> None:
    # printf 'account:GS000000000195' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102...1f
    """(rules I2)"""
    assert user_id(KEY, "account", ACCOUNT) == "1ec1bdd402c674b44df06fc62018626a1a1851d00d2394be07a48e14b5c32047"
    assert user_id(KEY, "cn-resident-id", ACCOUNT) != user_id(KEY, "account", ACCOUNT)
    assert user_id(bytes(32), "account", ACCOUNT) != user_id(KEY, "account", ACCOUNT)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        user_id(KEY[:31], "account", ACCOUNT)


@given(st.integers(0, 10**10 - 1))
def test_sample_accounts_are_valid(number: int) -> None:
    account = sample_account(number)
    assert normalize("account", account) == account
    assert account[2:12] == f"{number:010d}"


@given(st.integers(0, 10**10 - 1), st.integers(2, 13), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(number: int, place: int, change: int) -> None:
    account = sample_account(number)
    digit = (int(account[place]) + change) % 10
    with pytest.raises(IdentifierError):
        normalize("account", f"{account[:place]}{digit}{account[place + 1 :]}")


@pytest.mark.parametrize(
    ("digits", "right", "wrong"), [("0000000097", 98, 1), ("0000000065", 97, 0), ("0000000032", 2, 99)]
)
def test_of_two_check_numbers_that_divide_alike_the_standard_has_one(digits: str, right: int, wrong: int) -> None:
    assert int(f"{digits}{right:02d}") % 97 == int(f"{digits}{wrong:02d}") % 97 == 1
    assert normalize("account", f"GS{digits}{right:02d}")
    with pytest.raises(IdentifierError, match="check digits"):
        normalize("account", f"GS{digits}{wrong:02d}")


# GB 11643 gives a weight to each digit, and a check character to each remainder of the sum divided by 11.
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"


@given(st.integers(100_000, 999_999), st.dates(date(1850, 1, 1), date(2199, 12, 31)), st.integers(0, 999))
def test_a_resident_id_has_one_check_character(region: int, born: date, sequence: int) -> None:
    digits = f"{region}{born:%Y%m%d}{sequence:03d}"
    remainder = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True)) % 11
    for character in CHECK_CHARACTERS:
        if character == CHECK_CHARACTERS[remainder]:
            assert normalize("cn-resident-id", digits + character) == digits + character
        else:
            with pytest.raises(IdentifierError, match="check character"):
                normalize("cn-resident-id", digits + character)


@pytest.mark.parametrize("number", [-1, 10**10])
def test_an_account_number_has_ten_digits(number: int) -> None:
    with pytest.raises(ValueError, match="ten digits"):
        sample_account(number)


TELLING = [
    ("account", "GS000000000195", "GS000000000195", True),
    ("account", "GS000000000195", "pay/gs_0000 0000.0195/7", True),
    ("account", "GS000000000195", "000000000195", True),
    ("account", "GS000000000195", "ＧＳ００００００\u00a0００\u2011０\u00ad１９５", True),
    ("account", "GS000000000195", "\ufeff0000\u200b00000195", True),
    ("account", "GS000000000195", "7000000000195", True),
    ("account", "GS000000000195", "GS0000000001", True),
    ("account", "GS000000000195", "0000000001", True),
    ("account", "GS000000000195", "order-0000000001", True),
    ("account", "GS000000000195", "００００－０００００１", True),
    ("account", "GS000000000195", "00000000019", True),
    ("account", "GS000000000195", "000000001", False),
    ("account", "GS000000000195", "order-0000000002", False),
    ("account", "GS000000000195", "95", False),
    ("account", "GS000000000195", "0000000a00195", False),
    ("account", "GS000000000195", "000000000292", False),
    ("account", "GS000000000195", "", False),
    ("account", "GS000000000195", "２０２４年００１９５号", False),
    ("cn-resident-id", "11010519491231002X", "id 110105-19491231-002x", True),
    ("cn-resident-id", "11010519491231002X", "１１０１０５１９４９１２３１００２", True),
    ("cn-resident-id", "11010519491231002X", "11010519491231002", True),
    ("cn-resident-id", "11010519491231002X", "1101051949123100", False),
    ("cn-resident-id", "11010519491231002X", "110105194912310", False),
    # The older form of fifteen digits: no century, no check character.
    ("cn-resident-id", "11010519491231002X", "110105491231002", True),
    ("cn-resident-id", "11010519491231002X", "contract 110105-491231-002", True),
    ("cn-resident-id", "11010519491231002X", "１１０１０５４９１２３１００２", True),
    ("cn-resident-id", "11010519491231002X", "110105491231003", False),
    ("cn-resident-id", "11010519491231002X", "491231002", False),
    ("cn-resident-id", "110105200001010024", "110105000101002", False),  # born when that form was no longer given
    ("email", "jane.doe@example.com", "mail to Jane.Doe@Example.com!", True),
    ("email", "jane.doe@example.com", "jane_doe-example_com", True),
    ("email", "jane.doe@example.com", "ＪＡＮＥ．ＤＯＥ＠ｅｘａｍｐｌｅ．ｃｏｍ", True),
    ("email", "jane.doe@example.com", "jane\u200b.doe@example.com", True),
    ("email", "jane.doe@example.com", "jane.doe", False),  # a name, which others have as well
    ("email", "jane.doe@example.com", "example.com", False),
    ("email", "jane7@example.com", "jane７@example.com", True),
    ("email", "jäne@bücher.example", "JÄNE@BÜCHER.EXAMPLE", True),
    ("email", "jäne@bücher.example", "jäne@xn--bcher-kva.example", True),
    ("email", "σας@example.com", "pay-ΣΑΣ@EXAMPLE.COM", True),  # a sigma is another letter at the end of a word
    ("email", "İsmail@example.com", "for İSMAIL@example.com", True),  # its small letter is two characters
    ("email", "straße@example.com", "STRASSE@EXAMPLE.COM", True),
    ("phone", "+49 30 23125000", "call +49-30-231.250.00", True),
    ("phone", "+49 30 23125000", "00493023125000", True),
    ("phone", "+49 30 23125000", "030/23125000", True),
    ("phone", "+49 30 23125000", "٣٠٢٣١٢٥٠٠٠", True),
    ("phone", "+49 30 23125000", "３０－２３１２５０００", True),
    ("phone", "+49 30 23125000", "23125000", False),  # without its area it is anybody's
    ("phone", "+49 30 23125000", "3023125001", False),
    ("phone", "+290 22158", "22158", False),  # so few digits are found anywhere by chance
    ("phone", "+290 22158", "(290) 22158", True),
    ("de-idnr", "36574261809", "tax 36/574/261/80", True),
    ("it-codicefiscale", "RCCMNL83S18D969H", "rccmnl 83s18 d969", True),
    ("br-cpf", "390.533.447-05", "390533447", True),
    ("nl-bsn", "12345672", "order 12.345.672", True),  # the same number as 012345672
    ("nl-bsn", "012345672", "order 1234567", True),
    ("nl-bsn", "12345672", "order 1234568", False),
]


@pytest.mark.parametrize(("scheme", "identifier", "text", "expected"), TELLING)
def test_a_text_that_tells_whose_it_is(scheme: SchemeName, identifier: str, text: str, expected: bool) -> None:
    """(rules I3)"""
    assert tells(text, telling_digits(scheme, normalize(scheme, identifier))) is expected


@given(st.integers(0, 10**10 - 1), st.lists(st.sampled_from([" ", "-", "\u00a0", "\u2011", "\u2e3a", "\u3000"])))
def test_whatever_is_taken_for_the_person_tells_whose_it_is(number: int, separators: list[str]) -> None:
    """(rules I3 and I4)"""
    account = sample_account(number)
    spelled = "".join(a + b for a, b in itertools.zip_longest(account, separators[:14], fillvalue="")).lower()
    assert normalize("account", spelled) == account
    assert tells(f"no. {spelled}!", telling_digits("account", account))
