"""How fast the engine decides, beside others that run statecharts, and in how much memory."""
