"""The gateway process: what members type and press becomes jobs in the queue.

Nothing is painted here. The bot writes to `jobs`, the engine reads from it and shows outcomes.
"""
