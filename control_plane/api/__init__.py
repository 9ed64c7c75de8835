"""
The edge: proto in, use case, proto out.

`gate` is the one chain that every call goes through; `errors` the one table from errors to
statuses; `mapping` what a record is on the wire; a servicer for each service.
"""
