"""crontask: an operator that runs scheduled work on Kubernetes."""

__version__ = "0.1.0"
