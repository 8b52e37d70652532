"""`crontask new`: a manifest to begin with."""

import click

from crontask.api.names import DNS_LABEL
from crontask.cli.exits import BAD_INPUT, stop

_LONGEST = 52
_HEAD = """\
# Check it with: crontask validate -f FILE. See when it runs with: crontask next -f FILE
apiVersion: crontask.dev/v1alpha1
kind: CronTask
metadata:
  name: {name}
spec:
  # At 02:30 each day. In its place: interval: 10m, delay: 5m, after: {{task: other}}; without any it runs on demand.
  schedule: "30 2 * * *"
  timeZone: UTC
  # While a run goes on, the next time is skipped. Queue, Replace and Allow are the other policies.
  concurrency: {{policy: Forbid}}
  # Stop what takes too long, and try again what fails.
  timeout: 30m
  retry: {{limit: 2}}
"""
_HANDLERS = {
    "image": """\
  handler:
    container:
      image: busybox:1.36
      command: [sh, -c, 'echo "for $CRONTASK_SCHEDULED_TIME"']
""",
    "python": """\
  # Handed to the function by their names; a run may be given others: crontask trigger {name} --set days=3
  args: {{days: 1}}
  handler:
    python:
      source: |
        def handler(ctx, days):
            print(f"{{days}} days until {{ctx.scheduled_time}}")
            return {{"days": days}}
""",
    "http": """\
  handler:
    http:
      url: https://example.com/report
      method: POST
      # A key that only the pod is given, from a Secret:
      # headers: [{{name: Authorization, valueFrom: {{secretKeyRef: {{name: report, key: token}}}}}}]
      expect: {{status: [2xx]}}
""",
    "steps": """\
  handler:
    steps:
      - name: fetch
        python:
          source: |
            def handler(ctx):
                return {{"orders": [17, 25]}}
      - name: charge
        # A string of this form stands for the value that it names.
        args: {{orders: "${{steps.fetch.result.orders}}"}}
        python:
          source: |
            def handler(ctx, orders):
                return {{"total": sum(orders)}}
""",
}


@click.command("new")
@click.argument("name")
@click.option("--image", "kind", flag_value="image", default=True, help="That runs an image; so it is unless said.")
@click.option("--python", "kind", flag_value="python", help="That runs a few lines of Python.")
@click.option("--http", "kind", flag_value="http", help="That calls a URL.")
@click.option("--steps", "kind", flag_value="steps", help="A workflow.")
def new_command(name: str, kind: str) -> None:
    """Print a manifest to begin with.

    Example: crontask new nightly-report --python > nightly-report.yaml
    """
    if not DNS_LABEL.fullmatch(name) or len(name) > _LONGEST:
        stop(BAD_INPUT, f"{name!r} is not a name; write up to {_LONGEST} lowercase letters, digits and hyphens")
    click.echo((_HEAD + _HANDLERS[kind]).format(name=name), nl=False)
