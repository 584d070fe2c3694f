"""Every way in which a message can be refused: one table, from which the partners' documentation is made too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """The stable code of a refusal, with its meaning. A code is never reused for something else."""

    meaning: str

    def __new__(cls, code: str, meaning: str = "") -> Code:
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    # The message as a whole.
    VALUE_MISSING = "value-missing", "The Kafka record has no value, so there is no event in it."
    TOO_LARGE = "too-large", "Key, headers and value together are over the size limit of an event."
    TOO_MANY_HEADERS = "too-many-headers", "The Kafka record has more headers than an event may have."
    UNREADABLE = "unreadable", "The Kafka record or its batch is damaged, so nobody can read it."
    BATCH_TOO_LARGE = (
        "batch-too-large",
        "The Kafka batch is larger, unpacked, or has more records than a batch may have.",
    )
    TOO_DENSE = (
        "too-dense",
        "The message has so many events in so few bytes that they are not answered one by one.",
    )
    UNPROCESSABLE = (
        "unprocessable",
        "No rule refuses the event and yet it cannot be processed: report it to the operator.",
    )
    # JSON.
    JSON_ENCODING = "json-encoding", "The bytes are not UTF-8."
    JSON_SYNTAX = "json-syntax", "The text is not JSON; NaN and Infinity are not JSON either."
    JSON_NESTING = "json-nesting", "Objects and lists are nested too deep."
    JSON_NUMBER = "json-number", "A number has too many digits or too large an exponent."
    JSON_DUPLICATE_KEY = "json-duplicate-key", "An object has the same key twice, so that its meaning is open."
    JSON_SURROGATE = "json-surrogate", "A text has half of a surrogate pair, which is no character."
    # The CloudEvents envelope.
    ENVELOPE_MISSING = "envelope-missing", "There is neither a structured nor a binary CloudEvents envelope."
    ENVELOPE_VERSION = "envelope-version", "`specversion` is not 1.0."
    ENVELOPE_HEADER = "envelope-header", "A header is null, not UTF-8, there twice, or unequal to its attribute."
    ENVELOPE_ATTRIBUTE = "envelope-attribute", "An attribute is missing, empty, too long, misnamed or malformed."
    ENVELOPE_CONTENT_TYPE = "envelope-content-type", "The content type is not JSON."
    ENVELOPE_DATA = "envelope-data", "The event carries no data, or carries it as `data_base64`."
    ENVELOPE_KEY = "envelope-key", "`partitionkey` is not the key of the Kafka record."
    ENVELOPE_TYPE = "envelope-type", "The event's type is not among those that this topic takes."
    SCHEMA = "schema", "The value has a schema in a registry, and cannot be read by it."
    UNKNOWN_CUSTOMER = "unknown-customer", "The crosswalk does not say whose this customer number is."
    # Time.
    TIME_FORMAT = "time-format", "A time is not RFC 3339 with an offset."
    TIME_RANGE = "time-range", "A time or date lies outside the years 1900 to 2199."
    IN_FUTURE = "in-future", "The event's time, or a day in it, is later than its arrival."
    TOO_LATE = "too-late", "The event's month no longer accepts events."
    # The body.
    NOT_AN_OBJECT = "not-an-object", "A JSON object was expected."
    MISSING_FIELD = "missing-field", "A field that must be there is missing."
    UNKNOWN_FIELD = "unknown-field", "A field is there that the contract does not have."
    WRONG_TYPE = "wrong-type", "A field has another JSON type than the contract says."
    OUT_OF_BOUNDS = "out-of-bounds", "A number is below or above its bounds, or a list has too few or too many members."
    TEXT_LENGTH = "text-length", "A text is empty or too long."
    TOO_MANY_WORDS = "too-many-words", "A person's own text has more words than are taken."
    TEXT_FORM = (
        "text-form",
        "A text has characters that cannot be seen (NUL is one), or not the form that the field asks for.",
    )
    UNKNOWN_VALUE = "unknown-value", "The text is not in the field's closed list."
    UNKNOWN_KIND = "unknown-kind", "The kind is not in the taxonomy."
    FIELD_REQUIRED_BY_KIND = "field-required-by-kind", "The kind needs this field."
    FIELD_FORBIDDEN_BY_KIND = "field-forbidden-by-kind", "The kind does not have this field."
    DATES_CONTRADICT = "dates-contradict", "A date lies before another one that it must follow, or far from one."
    IMPLAUSIBLE_DATE = "implausible-date", "A time or date lies so far back that it is a placeholder or another unit."
    DEMOGRAPHIC = "demographic", "Sex, age, marital status, religion, ethnicity, health and biometrics are never taken."
    # The partner's format.
    UNKNOWN_UNIT = "unknown-unit", "The unit is not among those that the partner's mapping names."
    UNKNOWN_CURRENCY = "unknown-currency", "The currency is not an ISO 4217 code that this deployment knows."
    FRACTION_OF_MINOR_UNIT = "fraction-of-minor-unit", "The amount has a fraction of the currency's minor unit."
    AMBIGUOUS_AMOUNT = "ambiguous-amount", "A point before three digits can separate thousands or decimals."
    NO_RATE = "no-rate", "There is no exchange rate for the currency in the event's month."
    CSV_LINE = "csv-line", "The text is not one line of CSV with the columns of the partner's mapping."
    FIXED_WIDTH_LINE = (
        "fixed-width-line",
        "The text is not one line of the fixed width that the partner's mapping says.",
    )
    # Who, and with which right.
    SUBJECT_UNKNOWN_SCHEME = "subject-unknown-scheme", "The identifier does not fit the deployment's common scheme."
    NAMES_PERSON = "names-person", "An id or a text that others see has an identifier of a person in it."
    CONTACT_IS_SUBJECT = "contact-is-subject", "A person is no contact of their own."
    CLASS_NOT_PERMITTED = "class-not-permitted", "The partner may not report records of this class."
    KIND_NOT_PERMITTED = "kind-not-permitted", "The partner's mapping does not have this kind."
    CONSENT_MISSING = "consent-missing", "The kind is taken only under a consent, and the event cites none."
    CONSENT_WITHDRAWN = "consent-withdrawn", "The consent that the event cites was withdrawn."
    # Against what is already known.
    CONFLICT = "conflict", "Something else came first under the same event id, or under the same report id."
    RE_AGEING = "re-ageing", "The record ended on an earlier day already; a later one is taken only as a correction."
    LAPSED = (
        "lapsed",
        "The record has lapsed by its own days, or did so before, so it is not taken, or not taken again.",
    )
    UNREPORTED = "unreported", "A settlement or correction waited for the report of its record, and none came."
    NOT_DISPUTED = "not-disputed", "The answer names no dispute of this record."
    ANSWERED = "answered", "The dispute has its answer already, or the time for one is over."
    DELETED = "deleted", "The record was deleted; it comes back only with the provider's certificate."
    TOO_MANY = "too-many", "So much is held of this person or record already that no more of it is taken."
    BEYOND_BEHAVIOR = (
        "beyond-behavior",
        "Lateness beyond the profile's limit is a negative record, not behavior. If you have reported it as one, "
        "settle that record.",
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message is refused.

    `field` is a path such as `data.amount` or `ce_time`, empty where the message as a whole is at fault. It may name
    what the sender wrote, so it goes to the sender only, never into a log or metric. `sentence` is for people, says
    what to do, and never quotes what was sent.
    """

    code: Code
    field: str
    sentence: str
