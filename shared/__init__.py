"""What all services share: the contracts of the topics, and plumbing. No business rule."""
