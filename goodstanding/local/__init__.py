"""The local stack: Apache Kafka and Postgres as ordinary packages, without root, Docker or an installed Java."""

from goodstanding.local.errors import StackError
from goodstanding.local.stack import Addresses, LocalStack, Status

__all__ = ["Addresses", "LocalStack", "StackError", "Status"]
