"""What the ports stand on: PostgreSQL, memory, and whatever else is outside."""
