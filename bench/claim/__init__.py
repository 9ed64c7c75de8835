"""The claim alone, on backlogs that the database itself makes."""
