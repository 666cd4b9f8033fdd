"""Code that the bot and the engine share: recipes, jobs, database, job message, settings.

It imports neither of them.
"""
