"""What a job is, how it is stored, whose turn it is, and how it looks in a channel.

The ground floor: the bot and the engine meet here, and this package imports neither.
"""
