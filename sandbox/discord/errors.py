"""Discord's error responses: status, JSON code and body."""

from typing import Any


class DiscordError(Exception):
    """An error response, with Discord's own JSON code and message."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        more: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.message = message
        self.body: dict[str, Any] = {"message": message, "code": code, **(more or {})}
        self.headers = headers or {}


class FormErrors:
    """Collects the errors of a form, each at its path below `root` in the body."""

    def __init__(self, root: str = "") -> None:
        self._root = root
        self._tree: dict[str, Any] = {}

    def add(self, path: str, code: str, message: str) -> None:
        """Add an error at a path such as `embeds.0.title`, or "" for the body as a whole."""
        node = self._tree
        for key in filter(None, [*self._root.split("."), *path.split(".")]):
            node = node.setdefault(key, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def too_long(self, path: str, limit: int) -> None:
        """Add an error for a text or list that is longer than `limit`."""
        self.add(path, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")

    def missing(self, path: str) -> None:
        """Add an error for a required field that is missing."""
        self.add(path, "BASE_TYPE_REQUIRED", "This field is required")

    def raise_if_any(self) -> None:
        """Refuse the form if any error was added.

        Raises:
            DiscordError: 50035 Invalid Form Body, with the nested errors.
        """
        if self._tree:
            raise self.error()

    def error(self) -> DiscordError:
        """50035 Invalid Form Body, with all errors so far."""
        return DiscordError(400, 50035, "Invalid Form Body", more={"errors": self._tree})


def invalid_field(path: str, code: str, message: str) -> DiscordError:
    """50035 with a single error."""
    form = FormErrors()
    form.add(path, code, message)
    return form.error()


def bad_json() -> DiscordError:
    return DiscordError(400, 50109, "The request body contains invalid JSON.")


def unauthorized() -> DiscordError:
    return DiscordError(401, 0, "401: Unauthorized")


def not_found() -> DiscordError:
    return DiscordError(404, 0, "404: Not Found")


def method_not_allowed() -> DiscordError:
    return DiscordError(405, 0, "405: Method Not Allowed")


def too_large() -> DiscordError:
    return DiscordError(413, 40005, "Request entity too large")


def unknown_channel() -> DiscordError:
    return DiscordError(404, 10003, "Unknown Channel")


def unknown_guild() -> DiscordError:
    return DiscordError(404, 10004, "Unknown Guild")


def unknown_member() -> DiscordError:
    return DiscordError(404, 10007, "Unknown Member")


def unknown_message() -> DiscordError:
    return DiscordError(404, 10008, "Unknown Message")


def unknown_user() -> DiscordError:
    return DiscordError(404, 10013, "Unknown User")


def unknown_emoji() -> DiscordError:
    return DiscordError(400, 10014, "Unknown Emoji")


def too_many_reactions() -> DiscordError:
    return DiscordError(400, 30010, "Maximum number of reactions reached (20)")


def unknown_webhook() -> DiscordError:
    return DiscordError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> DiscordError:
    return DiscordError(404, 10062, "Unknown interaction")


def unknown_command() -> DiscordError:
    return DiscordError(404, 10063, "Unknown application command")


def unknown_command_permissions() -> DiscordError:
    return DiscordError(404, 10066, "Unknown application command permissions")


def daily_commands_reached() -> DiscordError:
    return DiscordError(
        400, 30034, "Max number of daily application command creates has been reached (200)"
    )


def already_acknowledged() -> DiscordError:
    return DiscordError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> DiscordError:
    return DiscordError(403, 50001, "Missing Access")


def cannot_edit_others() -> DiscordError:
    return DiscordError(403, 50005, "Cannot edit a message authored by another user")


def cannot_message_user() -> DiscordError:
    return DiscordError(403, 50007, "Cannot send messages to this user")


def empty_message() -> DiscordError:
    return DiscordError(400, 50006, "Cannot send an empty message")


def missing_permissions() -> DiscordError:
    return DiscordError(403, 50013, "Missing Permissions")


def cannot_reply() -> DiscordError:
    return DiscordError(403, 160002, "Cannot reply without permission to read message history")


def bots_not_allowed() -> DiscordError:
    return DiscordError(403, 20001, "Bots cannot use this endpoint")


def archived_thread() -> DiscordError:
    return DiscordError(400, 50083, "Thread is archived")


def poll_expired() -> DiscordError:
    return DiscordError(400, 520001, "Poll expired")


def cannot_edit_poll() -> DiscordError:
    return DiscordError(400, 520003, "Cannot edit a poll message")


def no_poll() -> DiscordError:
    return DiscordError(400, 520006, "Cannot expire a non-poll message")


def no_common_guild() -> DiscordError:
    return DiscordError(
        403, 50278, "Cannot send messages to this user due to having no mutual guilds"
    )


def invalid_webhook_token() -> DiscordError:
    return DiscordError(401, 50027, "Invalid Webhook Token")


def rate_limited(retry_after: float, headers: dict[str, str], *, is_global: bool) -> DiscordError:
    more = {"retry_after": retry_after, "global": is_global}
    return DiscordError(429, 0, "You are being rate limited.", more=more, headers=headers)


def too_many_old_edits(retry_after: float) -> DiscordError:
    return DiscordError(
        429,
        30046,
        "Maximum number of edits to messages older than 1 hour reached. Try again later",
        more={"retry_after": round(retry_after, 3), "global": False},
        headers={"Via": "1.1 google", "Retry-After": str(int(retry_after) + 1)},
    )
