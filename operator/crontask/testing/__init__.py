"""Test your schedules: tasks and runs in a unit test, by the operator's own engine, without a cluster.

    from crontask.testing import Outcome, Sandbox

    with Sandbox(now="2027-01-01T00:00:00Z") as box:
        box.register("report", schedule="0 9 * * 1-5", image="registry/report:1", retry={"limit": 1})
        box.outcome("report", phase="Failed", attempt=1, message="no table")
        box.advance(days=7)
        assert [len(run.attempts) for run in box.runs("report")] == [2, 2, 2, 2, 2]

- `sandbox`: what a test calls; `world`: time, operator and kubelet, and how time passes
- `port`, `server`, `ownership`: what the ordinary clients stand upon, and how it answers
- `handlers`, `outcome`, `calling`: how pods go: by functions of the process, and by outcomes
- `triggered`: the runs that functions trigger; `files`: manifests of files
"""

from crontask.testing.outcome import Outcome
from crontask.testing.sandbox import Sandbox

__all__ = ["Outcome", "Sandbox"]
