"""
What a model may do: policies, the gates an answer passes, and the judgement they come to.

Pure: no I/O, clock or chance, so that the executor and the control plane judge alike.
"""
