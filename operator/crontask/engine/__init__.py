"""Knowing, waiting and doing: the store, the due-heap, the loop, the executor and the ports they stand on.

Role: asyncio, but neither kopf nor aiohttp nor the real clock: those come through the ports.
"""
