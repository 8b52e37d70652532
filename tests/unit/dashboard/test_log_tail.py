"""The end of a log: what is kept and sent of one that is long, fast or has no line feeds."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from crontask.client import errors
from crontask.dashboard.log_tail import MOST_BYTES, Tail, chunks


@pytest.mark.parametrize(
    ("lines", "text", "cut"),
    [
        ([], b"", False),
        ([b"a", b""], b"a\n\n", False),
        ([b"abcd", b"efgh"], b"abcd\nefgh\n", False),
        ([b"abcd", b"efgh", b"i"], b"efgh\ni\n", True),
        ([b"0123456789abc"], b"456789abc\n", True),
        ([b"a", b"0123456789abc", b""], b"\n", True),
    ],
)
def test_of_too_much_the_end_is_kept(lines: list[bytes], text: bytes, cut: bool) -> None:
    tail = Tail(10)
    for line in lines:
        tail.add(line)
        assert tail.size <= 10
    assert tail.take() == (text, cut)
    assert tail.take() == (b"", False)


async def yes() -> bool:
    return True


async def test_of_a_long_log_the_last_megabyte_is_sent_and_of_what_follows_all() -> None:
    more, line = asyncio.Event(), b"x" * 999

    async def lines() -> AsyncGenerator[bytes, None]:
        for number in range(9_500):
            yield b"%d" % number + line
            await asyncio.sleep(0)
        await more.wait()
        yield b"last"

    found = []
    async for text, cut in chunks(lines(), yes, 10):
        found.append((text, cut))
        more.set()
    first, cut = found[0]
    assert cut
    assert len(first) <= MOST_BYTES
    assert first.endswith(b"9499" + line + b"\n")
    assert b"".join(text for text, _ in found[1:]) == b"last\n"


async def test_what_nobody_is_in_time_for_takes_no_memory() -> None:
    """A page that does not read what it is sent: its log is read on, and what is too old goes."""
    begun, read = asyncio.Event(), asyncio.Event()

    async def lines() -> AsyncGenerator[bytes, None]:
        yield b"first"
        await begun.wait()
        for _ in range(20):
            yield b"x" * (MOST_BYTES // 4)
        read.set()
        yield b"last"

    texts = chunks(lines(), yes, 10)
    assert await anext(texts) == (b"first\n", False)
    begun.set()
    await read.wait()
    text, cut = await anext(texts)
    assert cut
    assert len(text) <= MOST_BYTES
    assert text.endswith(b"\nlast\n")
    await texts.aclose()


@pytest.mark.parametrize("error", [errors.AccessError("gone"), RuntimeError("a fault")])
async def test_what_ends_the_reading_ends_the_stream(error: Exception) -> None:
    async def lines() -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise error

    texts = chunks(lines(), yes, 10)
    assert await anext(texts) == (b"a\n", False)
    with pytest.raises(type(error)):
        await anext(texts)


async def test_a_right_that_ends_ends_the_stream() -> None:
    closed = asyncio.Event()

    async def lines() -> AsyncGenerator[bytes, None]:
        try:
            yield b"a"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def no() -> bool:
        return False

    assert [text async for text, _ in chunks(lines(), no, 0.01)] in ([], [b"a\n"])
    assert closed.is_set()
