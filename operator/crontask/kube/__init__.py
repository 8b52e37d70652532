"""The real world behind the ports: HTTP client, informer, lease, clock, login.

Role: the only layer beside app that imports aiohttp.
"""
