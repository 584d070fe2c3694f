"""`python -m shared.contracts.published write | check`: keep the committed contracts true (`make contracts`)."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from aiokafka.errors import KafkaError

from shared.contracts.published import asyncapi, client_types, code_table, examples, schemas
from shared.kafka.topic_admin import TopicReport, ensure_topics
from shared.partner_files import partner_names
from shared.toml_file import ConfigError


def main(arguments: list[str] | None = None) -> int:
    """The exit status: 0 when all is well, 1 when something must be mended first, 2 when Kafka does not answer."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.published", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("write", help="write schemas, AsyncAPI and table of codes; refuses what breaks others")
    commands.add_parser("check", help="what `write` writes is up to date, schemas compatible, examples as they say")
    admin = commands.add_parser("topics", help="create the topics that are missing, compare the others")
    admin.add_argument("--bootstrap", required=True, help="Kafka, host:port")
    admin.add_argument("--partners-dir", type=Path, default=Path("partners"), help="each *.toml in it is a partner")
    admin.add_argument("--replication-factor", type=int, default=1, help="copies of each partition (default 1)")
    chosen = parser.parse_args(arguments)
    if chosen.command == "topics":
        return _topics(chosen.bootstrap, chosen.partners_dir, chosen.replication_factor)
    if chosen.command == "check":
        return _report(
            [*schemas.check(), *examples.check(), *asyncapi.check(), *code_table.check(), *client_types.check()]
        )
    problems = schemas.write()
    asyncapi.write()
    code_table.write()
    client_types.write()
    return _report(problems)


def _report(problems: list[schemas.Problem]) -> int:
    for problem in problems:
        print(f"{problem.type}: {problem.sentence}", file=sys.stderr)
    return 1 if problems else 0


def _topics(bootstrap: str, partners_dir: Path, replication_factor: int) -> int:
    if not partners_dir.is_dir():
        print(
            f"{partners_dir} is no directory; --partners-dir names the one with the partners' mappings.",
            file=sys.stderr,
        )
        return 1
    try:
        partners = partner_names(partners_dir)
        report = asyncio.run(ensure_topics(bootstrap, partners, replication_factor))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except (KafkaError, TimeoutError) as error:
        print(f"Kafka at {bootstrap} does not answer: {error}", file=sys.stderr)
        return 2
    _print(report)
    return 1 if report.faults else 0


def _print(report: TopicReport) -> None:
    for name in report.created:
        print(f"created  {name}")
    for name in report.right:
        print(f"right    {name}")
    for each in report.differences:
        print(f"differs  {each.topic}: {each.setting} should be {each.expected}, is {each.found}. {each.remedy}")


if __name__ == "__main__":
    raise SystemExit(main())
