"""Why Discord's own client would not send something. The bot never learns of these attempts."""


class InteractionError(ValueError):
    """Discord's client would not let the member do this."""


class OptionError(ValueError):
    """Discord's client would not send this command; it shows the reason next to the option."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"{option}: {reason}" if option else reason)
        self.option = option
        self.reason = reason
