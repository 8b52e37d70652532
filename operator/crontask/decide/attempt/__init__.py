"""What the pod of an attempt says: how far it is, how it ended, and how it is stopped. Pure."""
