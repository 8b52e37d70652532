"""What the rules of a CRD say."""

import re
from collections.abc import Mapping
from typing import Any

# In the expression of a message, whatever stands after `?` or at its end; the conditions have texts of their own.
_TOLD = re.compile(r"(?:\? |: |^)'([^']*)'(?= : |$)")


def messages(rule: Mapping[str, Any]) -> list[str]:
    """Each message that a CEL rule can give."""
    return [rule["message"]] if "message" in rule else _TOLD.findall(rule["messageExpression"])
