"""Shows where everybody stands, and each change as it comes: one JSON object a line.

goodstanding-follow localhost:9092           # ends with Ctrl-C
goodstanding-follow localhost:9092 --once    # where everybody stands now, then ends
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from goodstanding_client.changes import SCORES, TIERS, Change, Erased, ScoreChanged
from goodstanding_client.follower import Follower, NoTopicError
from goodstanding_client.login import login_options

Told: TypeAlias = tuple[str, str, Any]
"""Topic, person and body, which is None for whoever was erased."""
Stands: TypeAlias = dict[tuple[str, str], Told]


async def follow(kafka: str, prefix: str, login: Mapping[str, Any], *, once: bool) -> None:
    stands: Stands = {}

    async def changed(change: Change) -> None:
        if once:
            keep(stands, change)
        else:
            _show(_told(change))

    async with Follower(kafka, prefix=prefix, on_change=changed, **login) as follower:
        await (follower.caught_up() if once else follower.run())
    for told in stands.values():
        _show(told)


def keep(stands: Stands, change: Change) -> None:
    """Of each person the last that was said of score and tier; of whoever was erased, nothing."""
    topic, person, body = told = _told(change)
    stands.pop((topic, person), None)
    if body is not None:
        stands[topic, person] = told


def _told(change: Change) -> Told:
    match change:
        case Erased(user_id, topic):
            return topic, user_id, None
        case ScoreChanged(user_id, score):
            return SCORES, user_id, msgspec.to_builtins(score)
        case _:
            return TIERS, change.user_id, msgspec.to_builtins(change.tier)


def _show(told: Told) -> None:
    print(json.dumps(dict(zip(("topic", "person", "body"), told, strict=True))), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kafka", help="bootstrap servers, host:port")
    parser.add_argument("--once", action="store_true", help="where everybody stands now, and no more")
    parser.add_argument("--prefix", default="", help="what stands before the names of the topics")
    parser.add_argument("--user", help="whom the operator has made for you, where Kafka asks who you are")
    parser.add_argument("--password-file", type=Path, help="a file with that user's password alone")
    parser.add_argument("--ca-file", type=Path, help="the authority that the operator has sent, ca.pem")
    arguments = parser.parse_args()
    if arguments.user and not arguments.password_file:
        parser.error("--user needs --password-file as well")
    user, password, authority = arguments.user, arguments.password_file, arguments.ca_file
    login = login_options(user, password, authority) if user else {}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(follow(arguments.kafka, arguments.prefix, login, once=arguments.once))
    except NoTopicError as error:
        sys.exit(str(error))
    except BrokenPipeError:
        # Whoever reads has enough, as `head` does. What is still to be written goes nowhere, or the end would fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
