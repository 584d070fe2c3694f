"""The currencies that people pay in, with the digits of their minor units (ISO 4217; decision 0016).

The table is committed, so that no update of a package changes what an event or a line of `rates.csv` means. A test
compares it with the lists of the ISO 4217 maintenance agency, as a package of the development environment ships them.
Left out are funds (UYI, CLF), metals, test codes, and units of account that the lists do not mark (UYW, XAD).
"""

from __future__ import annotations

from collections.abc import Mapping

AS_OF = "2026-01-01"
"""The publication of the lists that the table was last compared with."""

_CODES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP
        CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS
        INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
        NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP
        STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
}

DIGITS: Mapping[str, int] = {code: digits for digits, codes in _CODES.items() for code in codes.split()}
"""Digits of the minor unit, by currency."""

LAST_MONTH: Mapping[str, str] = {
    "ANG": "2025-03",
    "BGN": "2026-01",
    "CUC": "2021-06",
    "HRK": "2023-01",
    "SLL": "2023-12",
    "ZWL": "2024-09",
}
"""Currencies of the table that were withdrawn, each with the month of that, the last one in which it is taken.

Those withdrawn before 2020 are left out: no event of that time comes any more.
"""


class CurrencyError(ValueError):
    """The code is not that of a currency. `str()` is a sentence that says what to write instead."""


def check(code: str) -> None:
    """Raises CurrencyError for a code that is not in the table."""
    if code not in DIGITS:
        raise CurrencyError("This is no currency of ISO 4217 that people pay in; write its code, such as CNY.")


def withdrawn(code: str, month: str) -> bool:
    """Whether the currency was no longer one in this month, `YYYY-MM`."""
    return month > LAST_MONTH.get(code, month)
