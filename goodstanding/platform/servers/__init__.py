"""The local servers: Apache Kafka and Postgres as ordinary packages, without root, Docker or an installed Java."""

from goodstanding.platform.servers.errors import ServersError
from goodstanding.platform.servers.server import Addresses, Status
from goodstanding.platform.servers.servers import Servers

__all__ = ["Addresses", "Servers", "ServersError", "Status"]
