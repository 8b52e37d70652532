"""The policies that decide about one run, one a file. Pure."""
