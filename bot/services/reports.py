"""A member reports a picture to the moderators of its server."""

from bot.errors import RefusedError
from bot.services.admission import Interaction
from core.i18n import mark, say
from core.job import Job

THANKS = mark("Thank you: the moderators will look at #{job}.")
AGAIN = mark("You have reported #{job} before, and the moderators know of it.")


async def report_picture(interaction: Interaction, job: Job, reason: str | None) -> None:
    """Keeps the report, for the log channel and for `/mod reports`, and thanks the member.

    The answer may be deferred, for them alone. Raises RefusedError where a job is nobody's to
    judge, StoreError.
    """
    if job.guild_id is None or job.guild_id != interaction.guild_id:
        raise RefusedError(say("Only pictures of this server can be reported to its moderators."))
    if not interaction.response.is_done():
        await interaction.response.defer(ephemeral=True, thinking=True)
    kept = await interaction.client.moderation.report(job, interaction.user.id, reason)
    sentence = THANKS if kept else AGAIN
    await interaction.followup.send(say(sentence, job=job.id), ephemeral=True)
