"""`python -m crontask.runner`, the same as `crontask-runner`."""

from crontask.runner.main import main

main()
