"""
The executor plane: is woken, claims tasks from the database, carries them out through
ports, and reports outcomes to the control plane. Scaled by running more of it.
"""
