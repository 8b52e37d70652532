"""How somebody comes in. Locally: by a code that only the file has that this program wrote, or the terminal shows.

The other ways, for a page in the cluster, are a token that is pasted, and a proxy that forwards one.
"""

from collections.abc import Mapping
from typing import Protocol

from crontask.dashboard.session import OneTimeCode
from crontask.dashboard.visitor import Visitor


class Entry(Protocol):
    """One way to come in. `template`: of the page that asks for it; `refusal`: what is said of what is not good."""

    template: str
    refusal: str

    async def admit(self, form: Mapping[str, str]) -> Visitor | None:
        """Who it is by what the form says; None of somebody that nobody knows."""

    @property
    def by_file(self) -> bool:
        """Whether the form may come from a file on this machine, which is no page of ours."""
        ...


class LocalEntry:
    """On one's own machine: whoever has the code is the user of the kubeconfig."""

    template = "login_code.html"
    refusal = "That code is not good, or not any more: it is good once, and for a minute."
    by_file = True

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.code = OneTimeCode()

    async def admit(self, form: Mapping[str, str]) -> Visitor | None:
        """See Entry."""
        return self.visitor if self.code.take(form.get("code", "").strip()) else None
