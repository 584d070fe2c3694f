"""What pydantic finds wrong with a body, as a fault of ours: a code, the path of the field, and a sentence."""

from __future__ import annotations

from pydantic import ValidationError

from shared.contracts.faults import Code, Fault
from shared.contracts.times import DAY_SENTENCE, TIME_SENTENCE, TimeError


def fault_of(error: ValidationError, parent: str = "data") -> Fault:
    """The first fault that pydantic found, as a Fault with a path under `parent`. Sentences never quote the input."""
    found = error.errors(include_url=False, include_input=False)[0]
    field = ".".join((parent, *map(str, found["loc"])))
    context = found.get("ctx", {})
    if isinstance(cause := context.get("error"), TimeError):
        return Fault(cause.code, field, cause.sentence)
    code, sentence = _FAULTS.get(found["type"], (Code.WRONG_TYPE, "The value has not the form that the contract says."))
    return Fault(code, field, sentence.format_map(context))


# What pydantic calls a fault (https://docs.pydantic.dev/latest/errors/validation_errors/), as a code and sentence of
# ours. What is not listed is a wrong type.
_FAULTS: dict[str, tuple[Code, str]] = {
    "missing": (Code.MISSING_FIELD, "The field must be there."),
    "unexpected_keyword_argument": (Code.UNKNOWN_FIELD, "The contract has no such field."),
    "json_invalid": (Code.JSON_SYNTAX, "The body is not JSON: {error}."),
    "dataclass_type": (Code.NOT_AN_OBJECT, "A JSON object is expected here."),
    "dataclass_exact_type": (Code.NOT_AN_OBJECT, "A JSON object is expected here."),
    "greater_than_equal": (Code.OUT_OF_BOUNDS, "The number must be at least {ge}."),
    "less_than_equal": (Code.OUT_OF_BOUNDS, "The number must be at most {le}."),
    "int_parsing_size": (Code.OUT_OF_BOUNDS, "The number is too large."),
    "too_long": (Code.OUT_OF_BOUNDS, "There may be at most {max_length} members."),
    "too_short": (Code.OUT_OF_BOUNDS, "There must be at least {min_length} members."),
    "string_too_long": (Code.TEXT_LENGTH, "The text may have at most {max_length} characters."),
    "string_too_short": (Code.TEXT_LENGTH, "The text must not be empty."),
    "string_unicode": (Code.TEXT_FORM, "The text has half of a surrogate pair, which is no character."),
    "string_pattern_mismatch": (Code.TEXT_FORM, "The text must match {pattern}; control characters are never taken."),
    "literal_error": (Code.UNKNOWN_VALUE, "The text must be {expected}."),
    "int_type": (Code.WRONG_TYPE, "The value must be an integer, written without quotes, fraction or exponent."),
    "string_type": (Code.WRONG_TYPE, "The value must be a text."),
    "bool_type": (Code.WRONG_TYPE, "The value must be true or false."),
    "tuple_type": (Code.WRONG_TYPE, "The value must be a list."),
    "date_type": (Code.WRONG_TYPE, DAY_SENTENCE),
    "datetime_type": (Code.WRONG_TYPE, TIME_SENTENCE),
}
