"""A problem of a spec: what is wrong, where, and what to write instead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where (`spec.schedule`), and what to write instead."""

    path: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.path, self.message))) + (f"; {self.fix}" if self.fix else "")


NO_SUCH_FIELD = "there is no such field"
TOO_DEEP = Problem("spec", "is nested more than 190 levels deep", "write a flatter value, or hand it over as a text")
