"""What people look for in a mapping and do not find under that name: where it stands, or what to do instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

_BEFORE_KAFKA = (
    "No option says this; do it before Kafka (docs/decisions/0028-options-of-a-mapping.md lists what no option says)."
)

_HINTS: Mapping[str, str] = {
    r"skip_?(rows|lines|header)|header_?(row|line|at)|skip_?first": (
        "Lines before the header are passed over with `preamble = true`."
    ),
    r"footer|skip_?(last|footer)|trailer": (
        "Rows after the last one are passed over by their kind: `ragged = true`, and `skip` with the word that they"
        " have; an empty one is an absent word."
    ),
    r"debit|credit|(debit|credit|in|out)_?(column|path)|paid_?(in|out)": (
        'A column for debits and one for credits are told apart by the kind: `kind = { filled = ["Debit", "Credit"] }`.'
    ),
    r"date_?format|time_?format|format": "The form of a time is its `pattern`, or a common one's name in `as`.",
    r"time_?zone|tz": "The zone of local times is `zone`, at the top of the file.",
    r"separator|sep|field_?separator": "What stands between cells is the `delimiter`.",
    r"decimal(_?(mark|point|separator))?|thousands(_?(mark|separator))?|group_?separator": (
        'How numbers are written is said at the top of the file, or of one amount: `number = { decimal = "," }`.'
    ),
    r"null(s|_?values?)?|na_?values?|missing": 'Cells that say nothing are listed in `absent = ["NULL"]`.',
    r"exclude|drop|unused|extra(s|_?fields)?": "Fields that nobody needs are listed in `ignore`, kinds in `skip`.",
    r"when|if|where|condition|filter|unless|regex|regexp|match|replace|extract|substring|split|expression|expr|script|jq"
    r"|jsonpath|formula|scale|multiply|divide|factor|add|sum|round|locale|language|sheet|xpath|previous|delta|diff"
    r"|snapshot|join|lookup|continuation|segments?": _BEFORE_KAFKA,
}
"""By a pattern of the whole name, in any case."""


def hint(name: str) -> str:
    """A sentence about a key that the language does not have; empty where nothing is known of it."""
    return next((said for names, said in _HINTS.items() if re.fullmatch(names, name, re.IGNORECASE)), "")
