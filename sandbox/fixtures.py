"""The guilds, channels and members that the playground starts with."""

from sandbox.discord.permissions import Permission
from sandbox.server import Sandbox

MEMBERS = ("Ada", "Ben")
MODERATOR = "Mia"


def populate(sandbox: Sandbox) -> None:
    """Add two guilds with channels and members to a new sandbox, before the bot connects."""
    world, painters = sandbox.world, sandbox.guild
    owner, bot = world.application.owner, world.application.bot
    sandbox.channel.topic = "Type /imagine and describe the image you want"

    moderators = world.add_role(painters, "Moderators", int(Permission.MANAGE_MESSAGES))
    late_night = world.add_channel(painters, "late-night", nsfw=True)
    late_night.topic = "Age-restricted: other word rules may apply here"
    no_pictures = world.add_channel(painters, "no-pictures")
    no_pictures.topic = "The bot may not attach files here; see how it refuses"
    world.overwrite(no_pictures, bot.id, deny=int(Permission.ATTACH_FILES))
    office = world.add_channel(painters, "moderators")
    office.topic = "Only moderators can see this channel"
    world.overwrite(office, painters.id, deny=int(Permission.VIEW_CHANNEL))
    for subject in (moderators.id, bot.id):
        world.overwrite(office, subject, allow=int(Permission.VIEW_CHANNEL))

    school = world.add_guild("Night School", owner)
    world.add_channel(school, "homework").topic = "Another server, with its own queue"

    members = [world.add_user(name) for name in MEMBERS]
    for user in members:
        world.join(painters, user)
        world.join(school, user)
    world.add_group("Weekend", *members)
    world.join(painters, world.add_user(MODERATOR), [moderators.id])
