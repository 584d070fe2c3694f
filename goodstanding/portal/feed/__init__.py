"""What the portal keeps: fed by the topics, on the same runner as the services."""
