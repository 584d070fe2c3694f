"""A score in words, English and Chinese: why it is what it is, what moved it, and what helps. All of it is pure."""
