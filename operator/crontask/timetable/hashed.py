"""`H`: a value of a field that the task's name chooses, so that many tasks with one text spread out.

Role: replaces `H`, `H(a-b)`, `H/n` and `H(a-b)/n` by plain items. A change of what is chosen here would move the times
of every task that uses it.
"""

import hashlib
import re

from crontask.timetable.field import DAY, FIELDS, read_number, read_step, refuse_item

_HASH = re.compile(r"h(?:\((\d+)-(\d+)\))?(?:/(.*))?", re.ASCII)
# A bare H as the day of month must come in each month.
_SHORTEST_MONTH = 28


def replace_hashes(index: int, field: str, seed: str) -> str:
    """The text of a field with each `H` in it replaced by what `seed` ("namespace/name") chooses. Raises CronError."""
    if "h" not in field:
        return field
    items = field.split(",")
    return ",".join(_replace(index, item, f"{seed}\0{index}\0{at}") for at, item in enumerate(items))


def _replace(index: int, item: str, key: str) -> str:
    """One item; another than `H` as it is. A stepped `H` begins within the first step."""
    match = _HASH.fullmatch(item)
    if not match:
        return item
    field = FIELDS[index]
    low, high = field.low, field.high
    if match[1]:
        low, high = (read_number(index, match[bound], item) for bound in (1, 2))
        if low > high or high > field.high:
            raise refuse_item(index, item, "its range is not valid")
    if match[3] is None:
        top = _SHORTEST_MONTH if index == DAY and not match[1] else high
        return str(low + _hash(key, top - low + 1))
    step = read_step(index, match[3], item)
    return f"{low + _hash(key, min(step, high - low + 1))}-{high}/{step}"


def _hash(key: str, size: int) -> int:
    """A number in [0, size), the same in every process and version: tasks keep their times."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) % size
