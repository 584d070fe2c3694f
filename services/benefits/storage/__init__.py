"""The standings of all people, in Postgres."""
