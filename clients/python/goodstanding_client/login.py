"""How to reach a Kafka that asks who you are, as a Goodstanding platform sets it up."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any


def login_options(user: str, password_file: Path, ca_file: Path | None = None) -> dict[str, Any]:
    """Options for a `Follower`. The file has the password alone; `ca_file` is the authority that the operator has sent,
    else the machine's own are trusted."""
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": user,
        "sasl_plain_password": password_file.read_text(encoding="utf-8").strip(),
        # It checks the broker's name as well.
        "ssl_context": ssl.create_default_context(cafile=ca_file),
    }
