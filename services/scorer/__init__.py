"""The scorer: folds events into one bounded state per person, evaluates it with the scorecard, publishes."""
