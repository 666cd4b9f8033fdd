"""The gateway process: turns commands, buttons and forms into jobs in the queue.

It does not render. The engine takes the jobs from the database and posts their results.
"""
