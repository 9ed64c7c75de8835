"""How fast foliot is, and what that costs: workloads on a whole foliot, measured from outside."""
