"""Who and what is there when somebody opens the page: two servers, their channels, the members."""

from sandbox.discord.permissions import Permission
from sandbox.server import Sandbox

MEMBERS = ("Ada", "Ben")
MODERATOR = "Mia"


def furnish(sandbox: Sandbox) -> None:
    """Put the people and places into a fresh sandbox, before the bot comes."""
    world, painters = sandbox.world, sandbox.guild
    owner, bot = world.application.owner, world.application.bot
    sandbox.channel.topic = "Type /imagine and say what the picture should show"

    moderators = world.add_role(painters, "Moderators", int(Permission.MANAGE_MESSAGES))
    late = world.add_channel(painters, "late-night", nsfw=True)
    late.topic = "Age-restricted: other rules for words may hold here"
    bare = world.add_channel(painters, "no-pictures")
    bare.topic = "The bot may not attach files here: see how it refuses"
    world.overwrite(bare, bot.id, deny=int(Permission.ATTACH_FILES))
    office = world.add_channel(painters, "moderators")
    office.topic = "Only moderators see this channel"
    world.overwrite(office, painters.id, deny=int(Permission.VIEW_CHANNEL))
    for subject in (moderators.id, bot.id):
        world.overwrite(office, subject, allow=int(Permission.VIEW_CHANNEL))

    school = world.add_guild("Night School", owner)
    world.add_channel(school, "homework").topic = "Another server, with a queue of its own"

    for name in MEMBERS:
        user = world.add_user(name)
        world.join(painters, user)
        world.join(school, user)
    world.join(painters, world.add_user(MODERATOR), [moderators.id])
