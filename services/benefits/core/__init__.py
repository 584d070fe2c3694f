"""The rules of tiers and benefits: pure, synchronous, and free of any framework."""
