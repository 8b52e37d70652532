"""Refusing what cannot be registered. In a pod nothing is refused, and so nothing is loaded that would say it."""

from typing import NoReturn


def refuse(where: str, problem: str, fix: str) -> NoReturn:
    """Raises errors.BadInput: where, what is wrong, and what to write instead."""
    from crontask.client.errors import BadInput

    raise BadInput(where, problem, fix) from None
