"""Who a message mentions."""

import re
from collections.abc import Mapping

from sandbox.discord.layouts import walk
from sandbox.discord.models import Message, Payload, User

_MENTION = re.compile(r"<@(?P<role>&)?!?(?P<id>[0-9]+)>")
_PARSE_ALL: Payload = {"parse": ["users", "roles", "everyone"]}


def apply_mentions(
    message: Message,
    users: Mapping[int, User],
    allowed_mentions: Payload | None,
    *,
    may_mention_everyone: bool,
) -> None:
    """Set a message's mentions from its text and the request's `allowed_mentions`.

    The text is its content and what its layout says. Without `allowed_mentions` every mention in
    it counts.
    """
    texts = [part.get("content") or "" for part in walk(message.components)]
    text = "\n".join([message.content, *texts])
    allowed = _PARSE_ALL if allowed_mentions is None else allowed_mentions
    parse = allowed.get("parse") or []
    message.mention_everyone = (
        "everyone" in parse and may_mention_everyone and ("@everyone" in text or "@here" in text)
    )
    mentioned_users, mentioned_roles = dict[int, User](), dict[int, None]()
    for match in _MENTION.finditer(text):
        subject = int(match["id"])
        group = "roles" if match["role"] else "users"
        named = map(str, allowed.get(group) or ())  # discord.py sends numbers, others strings
        if group not in parse and str(subject) not in named:
            continue
        if match["role"]:
            mentioned_roles[subject] = None
        elif subject in users:
            mentioned_users[subject] = users[subject]
    message.mentions, message.mention_roles = list(mentioned_users.values()), list(mentioned_roles)
