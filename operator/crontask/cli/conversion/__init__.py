"""What other schedulers' objects become as CronTasks: CronJobs of Kubernetes, and crontabs.

`draft` is a CronTask in the making, with what is to be said of it; `commented` writes it down. No I/O here.
"""
