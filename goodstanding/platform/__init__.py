"""The platform on one machine: its deployment, its services as processes, its servers and its secrets."""
