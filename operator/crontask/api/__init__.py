"""The API `crontask.dev/v1alpha1`: models of both kinds, their names, validation and CRDs.

Role: what users write and read, as types. Pure: no I/O, no clock.
"""
