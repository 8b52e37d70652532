"""Fields of the contract that no code serves yet. Each is refused, by admission and by validate, until it is built."""

TASK: tuple[str, ...] = ()
RUN: tuple[str, ...] = ()
HANDLER: tuple[str, ...] = ()
BATCH: tuple[str, ...] = ()
MESSAGE = "is not served by this version of crontask yet"
FIX = "remove it"
