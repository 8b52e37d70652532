"""Which operator a namespace belongs to, where operators watch some namespaces only: a Lease in each, `crontask-claim`.

It is held by an installation, `NAMESPACE/NAME` of the Lease by which its replicas elect their leader, and renewed by
each of them. What makes two operators harmless are names and the watermark: a claim only says which of them is meant.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

import orjson

from crontask.client.timing import instant
from crontask.ports import Api, ApiError, Clock, Document, Kind, ObjectKey

CLAIM = "crontask-claim"
# Seconds: unrenewed for so long, a claim has lapsed.
LASTS = 60
# Renewed so long ago, by our clock, it has lapsed whenever it was first seen: no clocks are that wrong.
_LONG_AGO = 10 * LASTS
# How often it is renewed; looked at while it is somebody else's; and while it is not known yet whose it is.
_RENEW_EVERY, _LOOK_EVERY, _LOOK_AGAIN = 15.0, 5.0, 0.5
# Rights that have just been given are not known to every API server at once: so often is asked until it is an error.
_PATIENCE = 5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """A claim as stored: who holds it, at which version, for how many seconds from its last renewal, and when that was.

    `renewed`: by the clock of its holder; None where it does not say.
    """

    holder: str
    version: str
    lasts: float
    renewed: datetime | None = None


class Lapse:
    """Whether a claim of somebody else has lapsed: watched unchanged for all that it lasts, or renewed long ago.

    Clocks are compared for the latter alone: who begins need not wait for an operator that was uninstalled last year.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._version = ""
        self._since = 0.0

    def has_lapsed(self, record: Record) -> bool:
        """Of the record as it is now."""
        now = self._clock.monotonic()
        if record.version != self._version:
            self._version, self._since = record.version, now
        aged = record.renewed is not None and (self._clock.now() - record.renewed).total_seconds() > _LONG_AGO
        return not record.holder or aged or now - self._since > record.lasts


class Claim:
    """The claim of one namespace, for one installation (`holder`)."""

    def __init__(self, api: Api, clock: Clock, namespace: str, holder: str) -> None:
        self._api = api
        self._clock = clock
        self._key = ObjectKey(Kind.LEASE, namespace, CLAIM)
        self._holder = holder
        self._lapse = Lapse(clock)
        self.is_ours = False
        # Who holds it instead, if anybody does; what is wrong with the namespace, if anything is.
        self.other = ""
        self.problem = ""
        self._refusals = 0

    @property
    def pause(self) -> float:
        """Seconds until the next look."""
        if self.is_ours:
            return _RENEW_EVERY
        return _LOOK_EVERY if self.other or self.problem else _LOOK_AGAIN

    @property
    def is_known(self) -> bool:
        """Whether it is known whose it is, or why it is nobody's."""
        return bool(self.is_ours or self.other or self.problem)

    async def look(self) -> None:
        """Take the claim if it is free or has lapsed, renew it if it is ours.

        Raises ApiError, but for a namespace that is not there, or in which we have no rights: that is a `problem`.
        """
        try:
            await self._look()
            self.problem, self._refusals = "", 0
        except ApiError as error:
            if error.status not in (403, 404):
                raise
            self._refusals += 1
            if self._refusals >= _PATIENCE:
                self._is_refused(error)

    async def _look(self) -> None:
        try:
            known = read_claim(await self._api.get(self._key))
        except ApiError as error:
            if error.status != 404:
                raise
            await self._create()
            return
        if known.holder != self._holder and not self._lapse.has_lapsed(known):
            self._is_of(known.holder)
        else:
            await self._renew(known)

    async def _create(self) -> None:
        namespace = self._key.namespace
        body: Document = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": CLAIM, "namespace": namespace},
            "spec": self._spec(),
        }
        try:
            await self._api.create(Kind.LEASE, namespace, body)
        except ApiError as error:
            # Somebody was faster: the next look says who.
            if error.status != 409:
                raise
            return
        self._is_of(self._holder)

    async def _renew(self, known: Record) -> None:
        try:
            await self._api.patch(self._key, {"metadata": {"resourceVersion": known.version}, "spec": self._spec()})
        except ApiError as error:
            # Another replica of ours has renewed it at the same time, or another operator has taken it: see next time.
            if error.status not in (404, 409):
                raise
            return
        self._is_of(self._holder)

    def _is_refused(self, error: ApiError) -> None:
        namespace = self._key.namespace
        # Nobody can be given rights in a namespace that is not there: of that, too, the API server says 403.
        doubt = "" if error.status == 404 else f", or this operator has no rights in it ({error.message})"
        problem = (
            f"namespace {namespace} does not exist{doubt}: nothing is decided there. Create it, and install the chart "
            "again, which makes the Role there; or take it out of watchNamespaces"
        )
        if not self.problem:
            _log.error("%s", problem)
        self.is_ours, self.other, self.problem = False, "", problem

    def _spec(self) -> Document:
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"holderIdentity": self._holder, "leaseDurationSeconds": LASTS, "renewTime": now}

    def _is_of(self, holder: str) -> None:
        ours, namespace = holder == self._holder, self._key.namespace
        if ours and not self.is_ours:
            _log.info("namespace %s is claimed for this operator (%s)", namespace, holder)
        elif not ours and holder != self.other:
            _log.warning("%s", why_left(namespace, holder))
        self.is_ours, self.other = ours, "" if ours else holder


def why_left(namespace: str, holder: str) -> str:
    """Why nothing is decided in a namespace that another operator has claimed, and how to take over."""
    return (
        f"namespace {namespace} is claimed by another operator, {holder}: this one decides nothing there. To take "
        f"over, uninstall that one, or take {namespace} out of its watchNamespaces; its claim lapses {LASTS} s later, "
        f"or at once by: kubectl delete lease {CLAIM} -n {namespace}"
    )


def read_claim(raw: bytes) -> Record:
    """The claim that a Lease is."""
    lease = orjson.loads(raw)
    spec = lease.get("spec") or {}
    lasts = float(spec.get("leaseDurationSeconds") or LASTS)
    version = lease["metadata"]["resourceVersion"]
    return Record(spec.get("holderIdentity") or "", version, lasts, instant(spec.get("renewTime")))


class ClaimsOfOthers:
    """The namespaces that operators of some namespaces have claimed, for the operator of the whole cluster.

    `holder`: its own installation, which may have watched some namespaces before.
    """

    pause = _RENEW_EVERY

    def __init__(self, api: Api, clock: Clock, holder: str) -> None:
        self._api = api
        self._clock = clock
        self._holder = holder
        self._lapses: dict[str, Lapse] = {}

    async def look(self) -> dict[str, str]:
        """Who holds each namespace whose claim has not lapsed. Raises ApiError."""
        found: dict[str, Record] = {}
        token = ""
        while True:
            page = await self._api.list_page(Kind.LEASE, fields=f"metadata.name={CLAIM}", continue_token=token)
            for raw in page.items:
                claim = read_claim(raw)
                if claim.holder != self._holder:
                    found[orjson.loads(raw)["metadata"]["namespace"]] = claim
            token = page.continue_token
            if not token:
                break
        self._lapses = {where: self._lapses.get(where) or Lapse(self._clock) for where in found}
        return {where: each.holder for where, each in found.items() if not self._lapses[where].has_lapsed(each)}
