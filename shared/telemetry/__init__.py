"""What the planes tell about themselves: every name in one table, and how it is written out."""
