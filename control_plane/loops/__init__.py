"""
What happens without anybody asking: timers fall due, leases expire, inboxes fill, bells ring.

Each loop is `async def run(stop)` and does nothing that another replica may not do at the
same time: what they find goes through the orchestrator, or is taken with SKIP LOCKED.
"""
