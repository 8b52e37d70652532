"""The real clock."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The system's wall clock, and a monotonic one that runs on while the process or machine is stopped."""

    def now(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since boot, suspended time included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait; less than zero is zero."""
        await asyncio.sleep(max(0.0, seconds))
