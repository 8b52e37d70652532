"""Crons in code: a file of decorated functions is what runs.

    from crontask import Client, Context, Crons, Retry

    crons = Crons(owner="shop")

    @crons.task(schedule="H 3 * * *", retry=Retry(limit=3))
    def rebuild(ctx: Context, *, index: str = "main") -> int: ...

    crons.sync(Client(), prune=True)          # or: crontask apply crons.py --prune

- `registry`: `Crons`, which collects what is registered; `cron`: one of them, and its trigger; `function`: what a
  function takes and gives back
- `schemas`: annotations as JSON Schemas; `shipped`: the source of a module that is run without an image, `imports` and
  `credentials`: what is refused in one
- `manifests`: the objects that are applied; `sync`: apply them, and remove what is not there any more
- `refusal`: what cannot be registered; `deferred`: the models of policies in a pod, where nobody reads them

The file is loaded in each pod of its functions: whatever is needed to apply it is imported when it is applied.
"""
