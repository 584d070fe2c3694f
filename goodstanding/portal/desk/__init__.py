"""What those at a desk see of everybody: counts, and what would change. Nobody is named."""
