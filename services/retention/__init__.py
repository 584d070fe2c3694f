"""retention: owns the life of negative records, from the first report to the day they lapse."""
