"""The validation of a reference: whether there is what it names, as far as that can be known before a run."""

from collections.abc import Iterator, Sequence

from crontask.api.problem import Problem
from crontask.api.reference import Found, Reference

_OF_THE_RUN, _SO_FAR = ("name", "scheduledTime"), ("phase", "message")
# Where there are others.
_ELSEWHERE = {
    "steps": "steps",
    "item": "forEach.args",
    "index": "forEach.args",
    "cursor": "batch",
    "batch": "batch",
    "size": "batch",
}


def found_problems(found: Found | Problem, roots: Sequence[str], *, so_far: bool) -> Iterator[Problem]:
    """What is wrong with what was found in a value."""
    if isinstance(found, Problem):
        yield found
    else:
        yield from root_problems(found.reference, found.path, roots, so_far=so_far)


def root_problems(
    reference: Reference, path: str, roots: Sequence[str], *, so_far: bool, meant: str | None = None
) -> Iterator[Problem]:
    """What is wrong with what a reference begins with.

    `so_far`: it is known how the run will end. `meant`: what to write instead, if that is known.
    """
    if reference.root not in roots:
        where = _ELSEWHERE.get(reference.root)
        there = f"there is {reference.root} in {where} only" if where else f"there is nothing called {reference.root}"
        yield Problem(path, f"{reference}: {there}", meant or f"write one of {', '.join(roots)}")
    elif reference.root == "run":
        yield from _of_run(reference, path, so_far=so_far)


def _of_run(reference: Reference, path: str, *, so_far: bool) -> Iterator[Problem]:
    known = _OF_THE_RUN + (_SO_FAR if so_far else ())
    if not reference.path or reference.path[0] in known:
        return
    where = "is known only to what comes at the end" if reference.path[0] in _SO_FAR else "is not there"
    yield Problem(path, f"{reference} {where}", f"write {' or '.join(f'run.{name}' for name in known)}")
