"""Loading the past of a new deployment: files of events, sorted by month, on a clock that is led through it."""
