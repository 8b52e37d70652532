"""`python -m crontask.runner`, the same as `crontask-runner`.

Callers: people, tests.
"""

from crontask.runner.main import main

main()
