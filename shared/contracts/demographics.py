"""Names that ask for what is never taken: sex, age, marital status, religion, ethnicity, health, biometrics (rules E9).

A name is cut into words where its spelling shows them: at points, underscores, hyphens, digits and capitals. Three
kinds of words tell:

- an unmistakable word, wherever it stands, also within a run of letters without breaks (`custmaritalstatus`);
- a short word (`age`, `sex`), which has to be a word: in a run without breaks only if all of the run is words that we
  know (`customerage`), so that `message`, `usage` and `package` are none;
- of the short words, `age` and `fingerprint` are also said of things. The word before one, or the thing behind an `of`,
  decides: `account_age_days` and `card.fingerprint` say nothing about a body.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_UNMISTAKABLE = re.compile(
    "birth|gender|marital|marriage|married|spouse|divorce|widow|religio|ethnic|diagnos|disabilit|biometr"
    "|medical|pregnan|voiceprint|faceprint|性别|年龄|出生|生日|婚姻|配偶|宗教|信仰|民族|种族|健康|疾病|病史|残疾|指纹|虹膜|人脸"
)
_SHORT = frozenset(
    ("age", "ages", "born", "dob", "yob", "sex", "sexual", "race", "racial", "health", "illness", "fingerprint")
)
_OF_THINGS_TOO = frozenset(("age", "fingerprint"))
_LISTS = {
    "things": """
        account bill booking bond browser building car card cert certificate claim contract credit data debt deposit
        device document file history house invoice item key lease listing loan mortgage order payment policy product
        property receipt record relationship report session sha ssh ssl stock tenancy tenure tls token transaction
        vehicle
    """,
    "beside": """
        a and applicant at band borrower bracket buyer category citizen class client code consumer contact customer cust
        date day days debtor driver employee end group guest has holder id identity in info insured is level member
        months month name no number of on or owner patient payer people person place profile range resident rider
        sender start state status student subject tenant text the type under user value year years young old
    """,
    "telling": """
        baptism bible cathedral chapel christian church churches convent hajj halal hindu islamic jewish kosher mosque
        muslim parish parishes pilgrimage prayer priest quran rabbi sikh synagogue temple tithe worship zakat abortion
        ambulance asylum cancer clinic dental dentist dialysis doctor fertility hiv hospice hospital maternity
        medication medicine oncology pharmacies pharmacy physician pregnancy prescription psychiatry psychologist
        psychotherapy sanatorium surgeries surgery therapies therapist therapy alimony wedding immigrant refugee
        transgender
    """,
}
_THINGS = frozenset(_LISTS["things"].split())
_BESIDE = frozenset(_LISTS["beside"].split())
"""What stands beside a short word in a run without breaks."""

_TELLING = frozenset(_LISTS["telling"].split())
_TELLING_IN_CHINESE = re.compile("教堂|教会|清真|寺|庙|佛(?!山)|道观|医院|诊所|药|医疗|门诊|孕|婚礼|抚养费")
"""The city of Foshan is none of these."""

_CHARACTERS_MAX = 256
_LETTERS_MAX = 40
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")


def is_demographic(path: str) -> bool:
    """Whether the name of a field, with those of the objects that hold it, asks for data that is never taken."""
    # Strangers choose the names, so that what is remembered of them is bounded in length too. A letter of full width is
    # the same letter.
    return _is_demographic(unicodedata.normalize("NFKC", path[-_CHARACTERS_MAX:]))


def tells_of_demographics(text: str) -> bool:
    """Whether a name or title stands for what goes with a faith, an illness, a marriage or an origin: whoever scores
    visits to a hospital scores health by another name. It is asked of what a deployment scores, and not of the fields
    of partners, where a bank may well call a payment so."""
    words = unicodedata.normalize("NFKC", text[-_CHARACTERS_MAX:])
    found = (word.lower() for word in _WORD.findall(words))
    return bool(_TELLING_IN_CHINESE.search(words)) or any({word, word.removesuffix("s")} & _TELLING for word in found)


@lru_cache(maxsize=4096)
def _is_demographic(path: str) -> bool:
    words: list[str] = []
    for found in _WORD.findall(path):
        word = found.lower()
        if _UNMISTAKABLE.search(word):
            return True
        words += _words_of(word) or (word,)
    return any(_tells(words, index) for index in range(len(words)))


def _tells(words: list[str], index: int) -> bool:
    word = words[index]
    if word not in _OF_THINGS_TOO:
        return word in _SHORT
    of_thing = words[index + 1 : index + 2] == ["of"] and bool(_THINGS.intersection(words[index + 2 :]))
    return not of_thing and not (index and words[index - 1] in _THINGS)


_KNOWN = _SHORT | _THINGS | _BESIDE


def _words_of(run: str) -> tuple[str, ...] | None:
    """A run of letters as words that we know, the longest first; None where something is left over."""
    if len(run) > _LETTERS_MAX:
        return None
    if not run:
        return ()
    for end in range(len(run), 0, -1):
        if run[:end] in _KNOWN and (rest := _words_of(run[end:])) is not None:
            return run[:end], *rest
    return None
