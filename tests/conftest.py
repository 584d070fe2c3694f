"""Every test may ask for `kafka_bootstrap` and `postgres_dsn`."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["tests.support.servers", "tests.faults.options"]

# A law is about what holds, not about how fast it is seen to hold: a busy machine must not fail one.
settings.register_profile("laws", deadline=None)
settings.register_profile("long", deadline=None, max_examples=2_000)
settings.load_profile("laws")
