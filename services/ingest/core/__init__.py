"""The rules of ingest: pure and synchronous; files, clocks and Kafka are outside."""
