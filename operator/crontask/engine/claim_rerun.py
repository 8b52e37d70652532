"""Before a run runs another again that is noted at the other: the first could be gone when a third comes."""

from crontask.api.names import ANNOTATION_RERUN_BY
from crontask.decide.composite.rerun import claim_of
from crontask.decide.views import RunView
from crontask.engine.write import Writer


async def claim(writer: Writer, view: RunView) -> None:
    """Note it, if it is not. Raises ApiError, also if the other was changed meanwhile, and LeaseLostError."""
    source = view.rerun.source if view.rerun is not None else None
    wanted = {ANNOTATION_RERUN_BY: claim_of(view.run)}
    if source is not None and source.meta.annotations.get(ANNOTATION_RERUN_BY) != wanted[ANNOTATION_RERUN_BY]:
        await writer.patch_run(source, {"metadata": {"annotations": wanted}})
