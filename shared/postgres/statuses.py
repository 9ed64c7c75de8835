"""
The statuses that rows may have, as the tables' checks and the adapters' statements say them. They
are not with the tables, as describing those takes SQLAlchemy, which a server that serves does not
need: loading it is a fifth of a server's start.
"""

OPEN_INSTANCE = ("pending", "running", "waiting")
CLOSED_INSTANCE = ("completed", "failed", "cancelled")
OPEN_TASK = ("pending", "running")
CLOSED_TASK = ("succeeded", "failed", "cancelled", "skipped")
