"""Every test may ask for `kafka_bootstrap` and `postgres_dsn`."""

from __future__ import annotations

import gc

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.time_is_over", "tests.support.servers", "tests.support.pooler", "tests.faults.options"]

# A law is about what holds, not about how fast it is seen to hold: a busy machine must not fail one.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("laws", _PATIENT)
settings.register_profile("long", _PATIENT, max_examples=2_000)
settings.load_profile("laws")


# The thousands of tests and all that they import stay until the end. Where the garbage collector need not look at them
# again and again, neither while they are collected nor later, a run takes an eighth less processor time, or more. The
# process that hands tests out to others collects none, and does without it. What the tests themselves make is looked at
# after each 20,000 objects instead of 700: little of it is in circles.
gc.disable()


def pytest_collection_finish() -> None:
    gc.enable()
    gc.freeze()
    gc.set_threshold(20_000)
