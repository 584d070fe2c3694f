"""Where everybody stands, in Postgres."""
