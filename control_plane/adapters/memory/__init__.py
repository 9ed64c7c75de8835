"""
The ports on dictionaries, for tests, simulations and dry runs: real adapters, held to the
contracts that PostgreSQL is held to. All of one database share a `MemoryDatabase`.

They await nothing, so each call is atomic among the tasks of one event loop. Nothing is
kept when the process ends, and no two threads may share a database.
"""
