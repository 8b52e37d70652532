"""Measurements of crontask beside CronJob and beside a client that only creates pods."""
