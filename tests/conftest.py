"""Every test may ask for `kafka_bootstrap` and `postgres_dsn`."""

pytest_plugins = ["tests.support.servers", "tests.faults.options"]
