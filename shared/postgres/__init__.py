"""The database: its tables in one read, and how a plane connects to it."""
