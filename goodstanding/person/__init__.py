"""What the platform knows of one person: the pseudonym, the score with its reasons, the records."""
