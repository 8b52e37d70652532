"""Another client: writes down when it sees each pod ADDED, by its own connection and clock, as lines of JSON.

Callers: lag, as a process of its own.
"""

import asyncio
import sys
import time

import orjson

from crontask.engine.ports import ApiError, Kind, WatchExpiredError
from crontask.kube.client import HttpApi
from crontask.kube.connection import connect


async def main() -> None:
    """Print `{"pod": name, "seen": unix seconds}` for each pod, until ended. An API server may drop a slow watcher."""
    async with HttpApi(connect()) as api:
        version = (await api.list_page(Kind.POD, limit=1)).resource_version
        while True:
            try:
                async for event in api.watch(Kind.POD, resource_version=version):
                    seen = time.time()
                    pod = orjson.loads(event.object)
                    version = pod["metadata"]["resourceVersion"]
                    if event.type == "ADDED":
                        sys.stdout.buffer.write(orjson.dumps({"pod": pod["metadata"]["name"], "seen": seen}) + b"\n")
                        sys.stdout.buffer.flush()
            except (ApiError, WatchExpiredError) as error:
                print(f"watching again: {error}", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main())
