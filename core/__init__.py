"""What the bot and the engine share: recipes, jobs, the database, the job message, settings.

It imports neither of them.
"""
