"""The real world behind the ports: HTTP client, lease, clock, connection.

Role: the only layer beside app that imports aiohttp.
"""
