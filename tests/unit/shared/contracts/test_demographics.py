"""What is never taken is known by its name (rules E9): a table of names both ways, with word breaks and without."""

from __future__ import annotations

from shared.contracts.demographics import is_demographic, tells_of_demographics

ASKED_FOR = """
sex SEX customerSex age age_years AGE agegroup ageInYears birth-date birthday dateofbirth DATEOFBIRTH date_of_birth
yearofbirth placeOfBirth birthplace dob customerdob yob maritalStatus maritalstatus custmaritalstatus MARRIAGE married
spouseName holder.religion religiouscommunity ethnicity ethnicgroup race customerrace health_status healthstatus
medicalhistory diagnosis disability biometricHash biometrictemplate fingerprint customer.fingerprint personfingerprint
customerage customerAge userage borrowerageband clientageyears holder.age customer.profile.age_band gender custgender
性别 客户年龄 出生日期 婚姻状况 民族 ｓｅｘ Ｓｅｘ ｃｕｓｔｏｍｅｒＡｇｅ
"""

HARMLESS = """
mileage average page package package_id message sextant amount stage usage storage language percentage coverage image
agent agenda agency manager passage leverage voyage postage wage cottage trace traceparent tracestate tracing embrace
terrace racetrack essex accountage account_age_days accountAgeDays accountagedays age_of_account ageofaccount card.age
card.fingerprint cardfingerprint deviceFingerprint device.fingerprint key_fingerprint sslfingerprint loan_age
contractage vehicleage creditHistoryAge data.order.age window_id disabled healthy_margin wealth stubborn adobe dobson
账户 合同编号
"""


def test_a_name_that_asks_for_it() -> None:
    assert [name for name in ASKED_FOR.split() if not is_demographic(name)] == []


def test_a_name_that_is_harmless() -> None:
    assert [name for name in ["", "..", *HARMLESS.split()] if is_demographic(name)] == []


def test_a_long_name_is_looked_at_where_it_ends() -> None:
    assert is_demographic("x" * 100_000 + ".sex")
    assert not is_demographic("x" * 100_000)
    assert not is_demographic("a" * 40 + "b")


TELLING = [
    "church.donation",
    "Donation to a church",
    "hospital_bills",
    "ClinicVisit",
    "mosque-visits",
    "refugees.fee",
    "Rent of chapels",
    "医院账单",
    "教会捐款",
]
BESIDE_THEM = ["gym.fee", "donation.made", "template", "Fee of a gym, paid", "doctorate", "churchill_bank", "健身房"]
BESIDE_THEM.append("佛山地铁")  # Foshan is a city


def test_what_tells_of_it_is_no_name_of_what_is_scored() -> None:
    assert [name for name in TELLING if not tells_of_demographics(name)] == []
    assert [name for name in BESIDE_THEM if tells_of_demographics(name)] == []
