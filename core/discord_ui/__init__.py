"""How Discord shows a job: its message and its buttons."""
