"""Plumbing around the Kafka client, used by services, commands and tests."""
