"""The commands of the first level, in the order of the help: where each is written, and its line in that help.

A command's module is imported when somebody asks for that command, since together they import every library of the
project, and `--help` or a slip of the finger should not take a second.
"""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """`name` in `goodstanding.cli.<module>`: a function, or a group of commands."""

    module: str
    name: str
    help: str


TABLE = {
    "demo": Place("demo", "demo", "See it all work, from beginning to end."),
    "local": Place("local", "app", "The platform on this machine."),
    "doctor": Place("doctor", "doctor", "What is wrong, and what to do next."),
    "partner": Place("partner", "app", "Example events, checks, sending."),
    "import": Place("loading", "import_", "The past of a new platform, month by month."),
    "go-live": Place("loading", "go_live", "Close the past for good."),
    "tail": Place("tail", "app", "Follow a topic, readable."),
    "dead-letters": Place("dead_letters", "app", "What services have set aside."),
    "clock": Place("clock", "app", "Do the services know the time?"),
    "offsets": Place("offsets", "app", "Do Kafka and Postgres agree?"),
    "explain": Place("explain", "explain", "A score, and why it is what it is."),
    "history": Place("explain", "history", "A person's scores, and what moved them."),
    "records": Place("people", "records", "A person's negative records."),
    "consents": Place("people", "consents", "A person's consents, and what became of them."),
    "benefits": Place("people", "benefits", "A person's tier, and what it opens."),
    "subject": Place("subject", "app", "Dispute, withdraw, be erased, export."),
    "erasures": Place("erasures", "erasures", "What is being erased, and how long it takes."),
    "receipt": Place("erasures", "receipt_app", "Is a receipt of an erasure true?"),
    "user-id": Place("people", "user_id", "The pseudonym of an identifier."),
    "deadline": Place("policy", "deadline", "When a negative record lapses."),
    "policy": Place("policy", "app", "Check, compare and try policy files."),
    "rates": Place("rates", "app", "Exchange rates of other currencies."),
    "score": Place("score", "score", "The scores of people in files of events."),
    "backtest": Place("backtest", "backtest", "Does a scorecard predict?"),
    "person": Place("portal", "person_app", "A person's own page."),
    "portal": Place("portal", "app", "Keys and links of the portal."),
    "run": Place("platform", "run", "One service in the foreground."),
    "migrate": Place("platform", "migrate", "Create roles and schemas, and migrate them."),
    "topics": Place("platform", "topics", "Create topics, and compare them with the table."),
    "acl": Place("acl", "app", "Who may do what on Kafka."),
    "secrets": Place("platform", "secrets", "Make passwords and keys as files."),
}
