"""Limits that Discord sets, each named once."""

INITIAL_RESPONSE_SECONDS = 3.0
"""Discord waits this long for the first response to an interaction."""

TOKEN_SECONDS = 15 * 60.0
"""An interaction's token accepts responses for this long."""

MAX_CUSTOM_ID = 100  #: characters
MAX_EMBED_FIELD = 1_024  #: characters of a field in an embed
MAX_CHOICES = 25  #: choices of an option, or of a select menu
MAX_CHOICE_NAME = 100  #: characters
