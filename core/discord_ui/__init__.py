"""What Discord shows of a job: its message and its buttons."""
