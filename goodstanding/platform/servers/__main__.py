"""The servers alone, by hand: `python -m goodstanding.platform.servers up`."""

from __future__ import annotations

import argparse
import logging
import sys

from goodstanding.platform.servers import jars
from goodstanding.platform.servers.errors import StackError
from goodstanding.platform.servers.stack import LocalStack


def _up() -> None:
    addresses = LocalStack.default().up()
    print(f"export GOODSTANDING_KAFKA='{addresses.kafka}'")
    print(f"export GOODSTANDING_POSTGRES='{addresses.postgres}'")


def _down() -> None:
    LocalStack.default().stop()


def _status() -> None:
    for status in LocalStack.default().status():
        print(f"{status.name:9} {status.state:7} {status.address or ''}")


_COMMANDS = {"up": _up, "down": _down, "status": _status, "pin": jars.pin}

parser = argparse.ArgumentParser(prog="python -m goodstanding.platform.servers", description=__doc__)
parser.add_argument("command", choices=_COMMANDS, help="pin: resolve Kafka's jars anew and write down their hashes")
command = parser.parse_args().command
logging.basicConfig(level=logging.INFO, format="%(message)s")
try:
    _COMMANDS[command]()
except StackError as error:
    sys.exit(str(error))
