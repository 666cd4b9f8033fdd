"""/imagine: from what a member typed to a job in the queue and its card in the channel."""

import discord
import structlog
from discord import app_commands

from bot import policy
from bot.attachments import keep_initial
from bot.cards import show
from bot.client import AnyCommand, ImagineBot
from bot.incidents import RefusedError
from jobs.job import Job, State
from jobs.recipe import MAX_COUNT, MAX_TEXT, SEEDS, Recipe, RecipeError, parse_size
from jobs.store import StoreError

log = structlog.stdlib.get_logger(__name__)

MAX_TYPED = MAX_TEXT + 100
"""Characters of an option: some room for bars and weights beside the texts."""

MAX_SEED = SEEDS - 1

NEEDED = {
    "view_channel": "View Channel",
    "embed_links": "Embed Links",
    "attach_files": "Attach Files",
}
"""What the bot must be allowed in a channel, and what Discord calls it."""

Interaction = discord.Interaction[ImagineBot]


def imagine_command(menu: policy.Menu) -> AnyCommand:
    """The command with the sizes on this menu."""
    sizes = [
        app_commands.Choice(name=f"{size.label} ({size.name})", value=size.name)
        for size in menu.sizes
    ]

    @app_commands.command(name="imagine", description="Paint a picture of what you describe")
    @app_commands.describe(
        include="What to paint; several with weights: a castle | fog:0.5",
        exclude="What to keep away, written the same way",
        size=f"Width and height in pixels ({menu.sizes[0].name} if you choose none)",
        steps=f"More steps take longer and paint finer ({menu.steps} if you say nothing)",
        seed="The same recipe and seed paint the same picture",
        image="A picture to start from: PNG, JPEG, WebP or GIF",
        strength="How firmly that picture holds, from 0 (hardly) to 1 (entirely)",
        count="How many pictures, each from its own seed",
    )
    @app_commands.choices(size=sizes)
    async def imagine(
        interaction: Interaction,
        include: app_commands.Range[str, 1, MAX_TYPED],
        exclude: app_commands.Range[str, 1, MAX_TYPED] = "",
        size: str | None = None,
        steps: app_commands.Range[int, policy.MIN_STEPS, policy.MAX_STEPS] | None = None,
        seed: app_commands.Range[int, 0, MAX_SEED] | None = None,
        image: discord.Attachment | None = None,
        strength: app_commands.Range[float, 0, 1] = 0.5,
        count: app_commands.Range[int, 1, MAX_COUNT] = 1,
    ) -> None:
        try:
            width, height = parse_size(size or menu.sizes[0].name)
            recipe = Recipe.make(
                include,
                exclude,
                width=width,
                height=height,
                steps=menu.steps if steps is None else steps,
                seed=seed,
                strength=strength,
                count=count,
            )
        except RecipeError as error:
            raise RefusedError(_pointed_out(error)) from None
        await ask(interaction, recipe, image)

    return imagine


async def ask(interaction: Interaction, recipe: Recipe, image: discord.Attachment | None) -> None:
    """Queues a recipe for the member and shows its card. Raises RefusedError, StoreError.

    What takes no time is checked first, so that most refusals never show in the channel. Then
    the answer is deferred: from there on Discord waits, however long the database takes.
    """
    bot = interaction.client
    _check(policy.may_post(_missing_permissions(interaction)))
    _check(policy.may_paint(recipe, bot.settings.pair))
    deferred = await interaction.response.defer(thinking=True)
    if image:
        name = await keep_initial(
            image, bot.downloads, bot.settings.discord_api_url, bot.settings.data_dir
        )
        recipe = recipe.model_copy(update={"initial": name})
    job = await _queue(interaction, recipe, deferred.message_id if deferred else None)
    await _show_queued(interaction, job)


async def _queue(interaction: Interaction, recipe: Recipe, message_id: int | None) -> Job:
    bot, member = interaction.client, interaction.user
    assert interaction.channel_id is not None  # commands come from channels
    async with bot.admission:
        _check(policy.may_queue(len(await bot.store.members_jobs(member.id))))
        return await bot.store.add(
            recipe,
            guild_id=interaction.guild_id,
            channel_id=interaction.channel_id,
            message_id=message_id,
            member_id=member.id,
            member_name=member.display_name,
        )


async def _show_queued(interaction: Interaction, job: Job) -> None:
    """Shows the place in the queue. The job is safe on disk: nothing here may call it lost."""
    store = interaction.client.store
    try:
        position, wait = await store.position(job.id), await store.wait_seconds(job.id)
    except StoreError as error:
        log.warning("the place of a job is not known", job=job.id, error=str(error))
        position = wait = None
    message = await show(interaction, job, position=position, wait_seconds=wait)
    if message:
        await _mend(interaction, job.id, message)


async def _mend(interaction: Interaction, job_id: int, message: discord.InteractionMessage) -> None:
    """If an engine ended the job before its first card was shown, that card hid the outcome."""
    try:
        job = await interaction.client.store.job(job_id)
    except StoreError:
        return
    if job is None or not job.state.ended:
        return  # whatever the engine shows next comes after this card
    if job.state is not State.DONE or message.attachments:
        await show(interaction, job, over=message)


def _missing_permissions(interaction: Interaction) -> list[str]:
    """What the bot may not do here but must, to show a picture; as Discord calls it."""
    if isinstance(interaction.channel, discord.Thread):
        needed = NEEDED | {"send_messages_in_threads": "Send Messages in Threads"}
    else:
        needed = NEEDED | {"send_messages": "Send Messages"}
    granted = interaction.app_permissions
    return [name for permission, name in needed.items() if not getattr(granted, permission)]


def _check(decision: policy.Decision) -> None:
    if not decision:
        raise RefusedError(decision.refusal)


def _pointed_out(error: RecipeError) -> str:
    """The sentence, and the place in a code block."""
    pointer = error.pointer()
    return f"{error}\n```\n{pointer}\n```" if pointer else str(error)
