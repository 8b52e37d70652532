"""The `crontask` command."""
