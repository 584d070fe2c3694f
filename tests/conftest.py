"""Every test may ask for `kafka_bootstrap` and `postgres_dsn`."""

pytest_plugins = ["tests.servers", "tests.faults.options"]
