"""The local stack: Apache Kafka and Postgres as ordinary packages, without root, Docker or an installed Java."""

from goodstanding.platform.servers.errors import StackError
from goodstanding.platform.servers.stack import Addresses, LocalStack, Status

__all__ = ["Addresses", "LocalStack", "StackError", "Status"]
