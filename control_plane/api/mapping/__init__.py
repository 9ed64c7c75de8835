"""What a record is on the wire, and back. A file for each noun."""
