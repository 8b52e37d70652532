"""The models of policies in the pod of a run: `Retry(limit=3)` there costs nothing unless somebody looks at it.

A file of crons is loaded in each pod of its functions. They are needed where it is applied, and pydantic takes longer
to load than most functions run.
"""

import os
import sys
from importlib import import_module
from typing import Any


def in_pod_of_runner() -> bool:
    """Whether this is the process that runs a handler."""
    return "CRONTASK_HANDLER" in os.environ and "crontask.runner.main" in sys.modules


class DeferredModel:
    """A model in place of which this stands until it is used for anything else than to be made."""

    def __init__(self, module: str, name: str) -> None:
        self._where = (module, name)

    def __repr__(self) -> str:
        return repr(_model(*self._where))

    def __call__(self, **fields: Any) -> "DeferredValue":
        return DeferredValue(self._where, fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(_model(*self._where), name)

    def __instancecheck__(self, value: Any) -> bool:
        model: type = _model(*self._where)
        return isinstance(value._made() if isinstance(value, DeferredValue) else value, model)

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (_model(*self._where),)


class DeferredValue:
    """A value of such a model: made when somebody looks at it."""

    def __init__(self, where: tuple[str, str], fields: dict[str, Any]) -> None:
        self._what = (where, fields)

    def __repr__(self) -> str:
        return repr(self._made())

    def __eq__(self, other: object) -> bool:
        return bool(self._made() == (other._made() if isinstance(other, DeferredValue) else other))

    def __hash__(self) -> int:
        return hash(self._made())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)

    def _made(self) -> Any:
        where, fields = self._what
        return _model(*where)(**fields)


def _model(module: str, name: str) -> Any:
    return getattr(import_module(module), name)
