"""The version of crontask."""

__version__ = "0.1.0"
