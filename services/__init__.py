"""The four services: ingest, scorer, retention, benefits. None imports another."""
