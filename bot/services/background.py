"""What the bot does beside answering members."""

from bot.client import BackgroundTask
from bot.services.audit_log_feed import post_audit_log
from bot.services.deletion import work_off_deletions
from bot.services.responses import resume_pending_responses

BACKGROUND_TASKS: tuple[BackgroundTask, ...] = (
    post_audit_log,
    resume_pending_responses,
    work_off_deletions,
)
