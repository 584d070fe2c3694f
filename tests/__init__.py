"""The tests. Servers are the real ones."""
