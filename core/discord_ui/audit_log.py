"""The text of audit-log entries, which is always in English."""

from collections.abc import Mapping
from typing import Any

from core.discord_ui.text import escape, truncate
from core.moderation import AuditAction, AuditEntry

MAX_TEXT = 200  #: characters of a reason that are shown

_ACTIONS: dict[str, str] = {
    AuditAction.REFUSE: "refused",
    AuditAction.CANCEL: "cancelled",
    AuditAction.STOP: "stopped",
    AuditAction.DELETE: "deleted",
    AuditAction.REMOVE: "removed",
    AuditAction.MOVE_UP: "moved up",
    AuditAction.CLEAR: "cleared",
    AuditAction.PAUSE: "paused",
    AuditAction.RESUME: "resumed",
    AuditAction.SET_LIMITS: "limited",
    AuditAction.BLOCK: "blocked",
    AuditAction.UNBLOCK: "unblocked",
    AuditAction.SET_WORD_RULE: "word",
    AuditAction.SET_CHANNEL_RULE: "channel",
    AuditAction.SET_SETTING: "setting",
    AuditAction.REPORT: "reported",
    AuditAction.CLOSE_REPORT: "report closed",
    AuditAction.UNREADABLE: "damaged record, so no image",
    AuditAction.IMAGE_CHECK: "image check",
    AuditAction.SET_IMAGE_CONCEPT: "image check",
    AuditAction.SET_STYLE: "style",
    AuditAction.DEFAULT_REFUSED: "default left out",
    AuditAction.NO_THEME_VOTE: "no vote for a theme",
}
_LIMITS = {
    "running": "{} at a time",
    "waiting": "{} waiting",
    "per_hour": "{} an hour",
    "size": "up to {}",
    "steps": "up to {} steps",
    "film_frames": "films of up to {} frames",
}


def entry_line(entry: AuditEntry) -> str:
    """What happened, when, to whom, by whom and why: at most 400 characters."""
    action = _ACTIONS.get(entry.action, entry.action)
    parts = [f"<t:{int(entry.created_at)}:t> **{action}**"]
    if entry.job_id is not None:
        parts.append(f"#{entry.job_id}")
    if entry.target_id is not None:
        parts.append(f"{'of ' if entry.job_id is not None else ''}<@{entry.target_id}>")
    if details := details_text(entry):
        parts.append(f"({details})")
    if entry.actor_id is not None:
        parts.append(f"by <@{entry.actor_id}>")
    line = " ".join(parts)
    if not entry.reason:
        return line
    reason = entry.reason.replace("\n", " ")
    refused = entry.action == AuditAction.REFUSE  # by the rules, which have escaped it
    shown = truncate(reason, MAX_TEXT) if refused else escape(reason, MAX_TEXT)
    return f"{line}: {shown}"


def details_text(entry: AuditEntry) -> str:
    """The text of an entry's details; empty if this version knows none of them."""
    try:
        return _details_text(entry)
    except (LookupError, TypeError, ValueError, AttributeError):
        return ""


def _details_text(entry: AuditEntry) -> str:
    details = entry.details
    match entry.action:
        case AuditAction.BLOCK if "until" in details:
            until = details["until"]
            return "permanently" if until is None else f"until <t:{int(until)}>"
        case AuditAction.SET_LIMITS if "role" in details:
            return f"{_role(details['role'], entry.guild_id)}: {_limits(details['limits'])}"
        case AuditAction.SET_WORD_RULE if "word" in details:
            return f"“{escape(str(details['word']))}” is {_word(details)}"
        case AuditAction.SET_CHANNEL_RULE if "channel" in details:
            holds = "" if details["holds"] else "no longer "
            return f"<#{details['channel']}> is {holds}{details['rule']}"
        case AuditAction.SET_SETTING if "moderator_role" in details:
            role = details["moderator_role"]
            return f"<@&{role}> moderates" if role else "no further role moderates"
        case AuditAction.SET_SETTING if "log_channel" in details:
            channel = details["log_channel"]
            return f"the log goes to <#{channel}>" if channel else "the log goes to no channel"
        case AuditAction.IMAGE_CHECK | AuditAction.SET_IMAGE_CONCEPT if "concept" in details:
            action = details["action"] or "no longer checked"
            return f"“{escape(str(details['concept']))}”: {action}"
        case AuditAction.SET_STYLE if "style" in details:
            return f"“{escape(str(details['style']))}”: {_style(details)}"
        case AuditAction.SET_SETTING if "weekly_digest" in details:
            return f"weekly digest {'on' if details['weekly_digest'] else 'off'}"
        case AuditAction.SET_SETTING if "hall_of_fame" in details:
            if channel := details["hall_of_fame"]:
                return f"hall of fame in <#{channel}>, from {details['favourites']} favourites on"
            return "no hall of fame"
        case AuditAction.SET_SETTING if "weekly_theme" in details:
            channel = details["weekly_theme"]
            return f"a weekly theme in <#{channel}>" if channel else "no weekly theme"
        case AuditAction.NO_THEME_VOTE if "channel" in details:
            return f"a poll can't be posted in <#{details['channel']}>"
        case AuditAction.SET_SETTING if "defaults" in details:
            where = f"in <#{channel}>" if (channel := details["channel"]) else "of the server"
            return f"defaults {where}: {_defaults(details['defaults'])}"
        case AuditAction.DEFAULT_REFUSED if "rule" in details:
            exclude, rule = (escape(str(details[name]), 100) for name in ("exclude", "rule"))
            return f"exclude {exclude} matches the rule “{rule}”"
        case AuditAction.CLOSE_REPORT if "verdict" in details:
            return str(details["verdict"])
    return str(details.get("text", ""))


def _role(role_id: int, guild_id: int) -> str:
    return "@everyone" if role_id == guild_id else f"<@&{role_id}>"


def _limits(limits: Mapping[str, Any]) -> str:
    parts = [text.format(limits[name]) for name, text in _LIMITS.items() if limits.get(name)]
    return " · ".join(parts) or "no limits of its own"


def _defaults(defaults: Mapping[str, Any]) -> str:
    parts = [f"{name} {escape(str(value))}" for name, value in defaults.items() if value]
    return " · ".join(parts) or "none"


def _style(details: Mapping[str, Any]) -> str:
    if details["include"] is None:
        return "removed"
    sides = filter(None, (details["include"], details["exclude"]))
    return escape(" − ".join(sides), MAX_TEXT)


def _word(details: Mapping[str, Any]) -> str:
    if not details["refused"]:
        return "no longer refused"
    where = "outside of age-restricted channels" if details["age_restricted"] else "everywhere"
    return f"refused {where}"
