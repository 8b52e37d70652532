"""Crons of an application, registered, changed, paused, resumed and deleted while it runs: `python shop.py`.

It uses the cluster and the namespace of your kubeconfig, or of the pod that it runs in. Started again it changes
nothing that is as it should be; a task that somebody has paused stays paused.
"""

from datetime import timedelta

from crontask import Client, Retry, errors

CLEAN_UP = """
def handler(ctx, max_age_days):
    return {"removed": max_age_days}
"""


def main() -> None:
    with Client(app="shop") as client:
        # A task by its schedule, one that runs on demand, and one that begins paused.
        client.register(
            "shop-clean-up",
            schedule="30 2 * * *",
            time_zone="Europe/Berlin",
            source=CLEAN_UP,
            args={"max_age_days": 30},
            retry=Retry(limit=3),
        )
        client.register("shop-invoice", on_demand=True, image="busybox:1.36", command=["true"])
        client.register("shop-report", interval=timedelta(hours=1), image="busybox:1.36", command=["true"], paused=True)

        # What nothing would ever start is refused.
        try:
            client.register("shop-forgotten", image="busybox:1.36")
        except errors.BadInput as error:
            print(f"refused: {error}")

        # Change it, pause it, resume it.
        client.update("shop-report", lambda spec: {**spec, "interval": timedelta(minutes=30)})
        client.resume("shop-report")
        client.pause("shop-clean-up", reason="migration")
        for task in client.tasks():
            print(task.name, task.spec.get("suspendReason", ""))

        # Run it, whether it is paused or not: once for each key, however often this program starts.
        run = client.trigger("shop-clean-up", args={"max_age_days": 7}, key="first-clean-up")
        print(run.name, run.result(dict[str, int], timeout=300))
        client.trigger("shop-invoice", key="order-42", delay=timedelta(seconds=5)).wait(timeout=300)

        client.resume("shop-clean-up")
        client.delete("shop-report")


if __name__ == "__main__":
    main()
