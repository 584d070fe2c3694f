"""Negative records, and the fingerprints of those that have lapsed, in Postgres."""
