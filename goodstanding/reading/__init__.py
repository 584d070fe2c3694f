"""Reading topics from one position to another, and asking the broker for positions."""
