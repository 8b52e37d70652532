"""The end of a log while it is read: of more than so many bytes the oldest lines go, however fast it is written."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

MOST_BYTES = 1024 * 1024
TOGETHER = 0.15
"""Seconds: lines that come so close together are sent together."""
_A_LOT = 64 * 1024
_LONGEST = 2.0


class Tail:
    """The last lines, up to `most` bytes of them. `cut`: earlier ones are gone since it was taken last.

    `size` and `added`: the bytes that are kept, and those that ever came."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._lines: deque[bytes] = deque()
        self.size = self.added = 0
        self.cut = False

    def add(self, line: bytes) -> None:
        """One more, without its line feed."""
        kept = line[-(self._most - 1) :]
        self.cut |= len(kept) < len(line)
        self._lines.append(kept)
        self.size += len(kept) + 1
        self.added += len(line) + 1
        while self.size > self._most:
            self.size -= len(self._lines.popleft()) + 1
            self.cut = True

    def take(self) -> tuple[bytes, bool]:
        """All of them, each with its line feed, and whether earlier ones are gone. It is empty then."""
        text, cut = b"".join(line + b"\n" for line in self._lines), self.cut
        self._lines.clear()
        self.size, self.cut = 0, False
        return text, cut


async def chunks(
    lines: AsyncGenerator[bytes, None], allowed: Callable[[], Awaitable[bool]], every: float
) -> AsyncGenerator[tuple[bytes, bool], None]:
    """Texts of lines that come close together, and whether there was more before one, which nobody was in time for.

    It ends with the log, or once they are not allowed to read it any more, which is asked every so many seconds.
    Raises what ended the reading.
    """
    tail, news = Tail(), asyncio.Event()

    async def read() -> None:
        async with aclosing(lines):
            async for line in lines:
                tail.add(line)
                news.set()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: news.set())
    clock = asyncio.get_running_loop().time
    checked = clock()
    try:
        while True:
            if clock() - checked >= every:
                checked = clock()
                if not await allowed():
                    return
            try:
                async with asyncio.timeout(every):
                    await news.wait()
            except TimeoutError:
                continue
            await _settled(tail, reading, clock() + _LONGEST)
            news.clear()
            ended = reading.done()
            text, cut = tail.take()
            if text:
                yield text, cut
            if ended:
                reading.result()
                return
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _settled(tail: Tail, reading: asyncio.Task[None], until: float) -> None:
    """Once no more comes at once: of a long log that is there already its end is sent, not all of it."""
    clock = asyncio.get_running_loop().time
    while not reading.done() and clock() < until:
        before = tail.added
        await asyncio.sleep(TOGETHER)
        if tail.added - before <= _A_LOT:
            return
