"""crontask: an operator that runs scheduled work on Kubernetes."""
