"""Webhooks: what is told to subscribers without Kafka, signed, in order for each person, and for three days."""
