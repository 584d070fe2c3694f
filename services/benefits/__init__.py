"""benefits: follows everybody's published score, and says which tier it reaches and what that grants and revokes."""
