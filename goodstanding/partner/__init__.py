"""What a partner does: sample events, check them, send them, and learn what became of each."""
