"""/mod words: what may not be asked for, or only in age-restricted channels."""

import asyncio

from discord import app_commands
from discord.app_commands import locale_str

from bot.commands.cancel import AUTOCOMPLETE_SECONDS, MAX_CHOICES
from bot.commands.mod.group import answer, guild_of, listed, wait, words
from bot.components.pagination import PAGE, Drawn, entered, show_page
from bot.errors import RefusedError
from bot.services.admission import Interaction
from bot.word_filter import first_hit, is_word
from core.discord_ui.job_message import escaped
from core.i18n import mark, say
from core.moderation import WordRule
from core.prompts import MAX_PROMPT_LENGTH, canonical

MAX_WORD, MAX_WORDS = 100, 1000

EVERYWHERE, AGE_RESTRICTED = mark("everywhere"), mark("outside of age-restricted channels")

Word = app_commands.Range[str, 1, MAX_WORD]


@words.command(name="add", description=mark("Refuse wishes with a word, or with several in a row"))
@app_commands.describe(
    word=mark("Found however it is written, as a whole word; nud* also finds nudes and nudity"),
    where=mark("Where it is refused"),
)
@app_commands.choices(
    where=[
        app_commands.Choice(name=locale_str(EVERYWHERE), value=EVERYWHERE),
        app_commands.Choice(name=locale_str(AGE_RESTRICTED), value=AGE_RESTRICTED),
    ]
)
async def add(interaction: Interaction, word: Word, where: str = EVERYWHERE) -> None:
    await wait(interaction)
    text = canonical(word)
    if not is_word(text):
        raise RefusedError(say("A word needs at least one letter or digit."))
    moderation, guild_id = interaction.client.moderation, guild_of(interaction)
    if len(await moderation.words(guild_id)) >= MAX_WORDS:
        raise RefusedError(
            say("{most} words are the most: remove some that are not needed.", most=MAX_WORDS)
        )
    rule = WordRule(text, age_restricted=where == AGE_RESTRICTED)
    await moderation.add_word(guild_id, rule, interaction.user.id)
    told = say("Wishes with “{word}” are refused {where}.", word=escaped(text), where=say(where))
    await answer(interaction, told)


@words.command(name="remove", description=mark("Refuse a word no longer"))
@app_commands.describe(word=mark("As it is in the list"))
async def remove(interaction: Interaction, word: Word) -> None:
    await wait(interaction)
    moderation = interaction.client.moderation
    if not await moderation.remove_word(guild_of(interaction), word, interaction.user.id):
        raise RefusedError(
            say("“{word}” is not in the list: see `/mod words list`.", word=escaped(word))
        )
    await answer(interaction, say("“{word}” is no longer refused.", word=escaped(word)))


@words.command(name="list", description=mark("See the words that are refused"))
async def show(interaction: Interaction) -> None:
    await wait(interaction)
    await show_page(interaction, "words")


@entered("words")
async def _page(interaction: Interaction, page: int, aside: str) -> Drawn:
    rules = await interaction.client.moderation.words(guild_of(interaction))
    shown = rules[page * PAGE : (page + 1) * PAGE]
    lines = [f"{escaped(rule.text)} · {_where(rule)}" for rule in shown]
    return listed(say("Words that are refused"), lines), len(rules)


@words.command(name="test", description=mark("See which word a wish would be refused for"))
@app_commands.describe(text=mark("The wish"))
async def test(
    interaction: Interaction, text: app_commands.Range[str, 1, MAX_PROMPT_LENGTH]
) -> None:
    await wait(interaction)
    rules = await interaction.client.moderation.words(guild_of(interaction))
    hit = await asyncio.to_thread(first_hit, rules, text)
    if hit is None:
        await answer(interaction, say("No word of the list is in it."))
        return
    await answer(
        interaction,
        say(
            "“{found}” matches the rule “{rule}”, which is refused {where}.",
            found=escaped(hit.found),
            rule=escaped(hit.rule.text),
            where=_where(hit.rule),
        ),
    )


@remove.autocomplete("word")
async def _suggest(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    try:
        async with asyncio.timeout(AUTOCOMPLETE_SECONDS):
            rules = await interaction.client.moderation.words(guild_of(interaction))
    except TimeoutError:
        return []
    wanted = typed.strip().casefold()
    fitting = [rule.text for rule in rules if wanted in rule.text.casefold()]
    return [app_commands.Choice(name=text, value=text) for text in fitting[:MAX_CHOICES]]


def _where(rule: WordRule) -> str:
    return say(AGE_RESTRICTED if rule.age_restricted else EVERYWHERE)
