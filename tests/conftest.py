"""Processes that a test starts find what the test itself imports, also where pytest was not started by make."""

import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]

os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys([str(_ROOT / "operator"), str(_ROOT / "hack"), *filter(None, [os.environ.get("PYTHONPATH")])])
)
