"""The rules of negative records: pure, synchronous, and free of any framework."""
