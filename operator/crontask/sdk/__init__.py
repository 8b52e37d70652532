"""The Python SDK: tasks and runs for programs.

    from crontask import Client, Retry, errors

    with Client(app="shop") as client:
        client.register("sync", schedule="*/15 * * * *", image="registry/sync:1", retry=Retry(limit=3))
        run = client.trigger("sync", args={"full": True}, key="deploy-42")
        total = run.result(int, timeout=60)

- `aio`, `aio_run`: `AsyncClient` and `AsyncRun`, in which all is written; `sync`: `Client` and `Run`, which drive them
  without an event loop; `asking`, `port`: the requests, and what both stand upon
- `in_python`: what is wrong with a task, as arguments are written
- `fitting`: whether a run that is asked for fits its task
- `fields`, `patching`, `outcome`, `objects`: manifests, differences, ends and what is read, without I/O
- `times`: the times to come; `logs`: of all attempts; `errors`: all that is raised

Imported lazily: pydantic with the first model or register, urllib3 with the first request, aiohttp with AsyncClient.
"""
