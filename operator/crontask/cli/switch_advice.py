"""What is said where a switch between a CronJob and its CronTask does not go on: how it stands, and what to do next.

Pure. `namespace`: that of both, as the commands in the advice need it.
"""

from dataclasses import dataclass
from typing import Any

AGAIN = "run this again, and it goes on"


@dataclass(frozen=True, slots=True)
class Advice:
    """Of the CronJob of that name, and of its CronTask."""

    namespace: str
    cronjob: str

    def managed(self, manager: str, *, back: bool) -> str:
        """Somebody else would undo what is done here. `back`: it is to take over again."""
        there = (
            "there, remove the manifest of the CronTask, and then suspend: true from the CronJob"
            if back
            else "there, write suspend: true into the CronJob and add the manifest that `crontask convert` writes"
        )
        return f"CronJob {self.cronjob} is managed by {manager}, which would undo this; {there}; or --force"

    def task_of_others(self, task: str, *, taken_back: bool, suspended: bool) -> str:
        """A CronTask has the name. `taken_back`: it is left of a switch; `suspended`: the CronJob is so by now."""
        delete = f"kubectl delete crontask {task} -n {self.namespace}"
        if taken_back:
            why = f"; it is left of a switch that was taken back: `{delete}`, and run this again"
        else:
            convert = f"crontask convert --from-cluster {self.cronjob} -n {self.namespace}"
            why = (
                f"; if nobody needs it, `{delete}`, and run this again; otherwise apply what `{convert}` writes under "
                "another name"
            )
        meanwhile = (
            f"; CronJob {self.cronjob} is suspended by now: to resume it, `{self._resume()}`" if suspended else ""
        )
        return f"there is a CronTask {task} that this CronJob has not become{why}{meanwhile}"

    def not_switched(self, task: str) -> str:
        """A CronTask is to be taken back that somebody has applied, and no switch has made."""
        return (
            f"CronTask {task} has not been made by --switch, so that nothing is known of its CronJob; "
            f"`{self._suspend(task)}`, and apply the manifest of the CronJob"
        )

    def another(self, task: str) -> str:
        """The CronJob has been deleted and made again since the switch."""
        return (
            f"CronJob {self.cronjob} is another than the one that became CronTask {task}: it was deleted and made "
            f"again; to let that one take over, `{self._suspend(task)}`, and then `{self._resume()}`"
        )

    def written_too_often(self, kind: str, name: str) -> str:
        """Others write an object all the time."""
        return f"{kind} {name} is written by others again and again; find out by whom, and {AGAIN}"

    def still_run(self, what: str, names: list[str]) -> str:
        """Jobs or runs have not ended in time."""
        return (
            f"{what} still run: {', '.join(names)}; nothing new starts meanwhile; wait for them or delete them, and "
            f"{AGAIN}; --drain-timeout says how long it waits"
        )

    def unseen(self, task: str) -> str:
        """No operator has answered to a pause."""
        return (
            f"CronTask {task} is suspended, and no operator has seen that; see by `crontask doctor` whether one runs, "
            f"and {AGAIN}"
        )

    def not_gone(self) -> str:
        """The CronJob has been deleted, and is there."""
        return (
            f"CronJob {self.cronjob} is deleted and not gone yet; see by `kubectl get cronjob {self.cronjob} "
            f"-n {self.namespace} -o yaml` which finalizers keep it, and {AGAIN}"
        )

    def unreadable(self, document: dict[str, Any], key: str, rest: str) -> str:
        """Somebody has changed what a switch has recorded. `rest`: what else is to be done."""
        kind, name = document["kind"], document["metadata"]["name"]
        remove = f"kubectl annotate {kind.lower()} {name} -n {self.namespace} {key}-"
        return f"{kind} {name}: the annotation {key} cannot be read; remove it by `{remove}`, {rest}"

    def _resume(self) -> str:
        return f'kubectl patch cronjob {self.cronjob} -n {self.namespace} -p \'{{"spec":{{"suspend":false}}}}\''

    def _suspend(self, task: str) -> str:
        return f"crontask suspend {task} -n {self.namespace}"
