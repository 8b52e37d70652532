"""The whole engine without a cluster: an API server in memory, and time that passes only when nothing else can."""
