"""What holds for all tests.

Processes that a test starts find what the test itself imports, also where pytest was not started by make. No case of a
property fails by how long it takes: machines are slow at times.
"""

import os
from pathlib import Path

from hypothesis import settings

_ROOT = Path(__file__).resolve().parents[1]

os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys([str(_ROOT / "operator"), str(_ROOT / "hack"), *filter(None, [os.environ.get("PYTHONPATH")])])
)
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
