"""The policies that decide about one task, one a file. Pure."""
