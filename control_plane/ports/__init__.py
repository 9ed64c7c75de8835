"""
What the control plane needs from outside, as Protocols whose docstrings are the contract.

Each is held to its contract by a suite in tests/contract/ that runs on every adapter.
"""
