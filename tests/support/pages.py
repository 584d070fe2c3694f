"""What a service's process says on its pages."""

from __future__ import annotations

import urllib.request

from goodstanding.platform.service_process import ServiceProcess


def metrics_of(process: ServiceProcess) -> bytes:
    """Blocks."""
    with urllib.request.urlopen(f"http://{process.http}/metrics") as page:
        content: bytes = page.read()
    return content
