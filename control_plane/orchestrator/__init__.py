"""
Gathers requests into turns, asks the engine, commits, answers. Nobody else commits a decision.
"""
