"""Tasks that the bot runs in the background."""

from bot.client import BackgroundTask, ImagineBot
from bot.services.audit_log_feed import post_audit_log
from bot.services.deletion import process_deletions
from bot.services.expiring_tokens import announce_expiring_tokens
from bot.services.hall_of_fame import post_hall_of_fame
from bot.services.responses import resume_pending_responses
from bot.services.weekly_digest import post_weekly_digests
from bot.services.weekly_theme import hold_theme_votes
from bot.services.welcome import welcome_new_servers


async def _delete(bot: ImagineBot) -> None:
    await process_deletions(bot, bot.deletions, bot.settings.data_dir)


BACKGROUND_TASKS: tuple[BackgroundTask, ...] = (
    post_audit_log,
    resume_pending_responses,
    announce_expiring_tokens,
    welcome_new_servers,
    post_weekly_digests,
    post_hall_of_fame,
    hold_theme_votes,
    _delete,
)
