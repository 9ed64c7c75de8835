"""
What can be asked of the control plane: one verb a file, one public function a file.

A use case takes values that are authorized already, checks them against the limits of the
contract, and asks one port or the orchestrator. It knows neither gRPC nor SQL.
"""
