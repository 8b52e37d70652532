"""What the pod of an attempt tells: how far it is, how it ended, and how it is stopped. Pure."""
