"""A channel as a member sees it, as Markdown or as one HTML page with its images."""

import base64
import re
from datetime import UTC, datetime
from html import escape

from markdown_it import MarkdownIt

from sandbox.discord.cdn import Attachment
from sandbox.discord.constants import SELECTS, ComponentType, MessageFlag, MessageType
from sandbox.discord.layouts import walk
from sandbox.discord.models import Channel, Message, Payload, User
from sandbox.discord.state import World

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("strikethrough")
_MENTION = re.compile(r"<@!?([0-9]{1,20})>")
_TIMESTAMP = re.compile(r"<t:(-?[0-9]{1,11})(?::\w)?>")

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.4 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem;
  background: light-dark(#fff, #313338); color: light-dark(#2e3338, #dbdee1); }
article { margin: 1.25rem 0; }
header b { margin-right: .4rem; }
header small, .quiet { color: light-dark(#5c5e66, #a5a8ae); }
.app { background: #5865f2; color: #fff; border-radius: 3px; font-size: .65rem; padding: 1px 4px; }
.embed { border-left: 4px solid; border-radius: 4px; margin: .4rem 0; padding: .6rem .9rem;
  background: light-dark(#f2f3f5, #2b2d31); max-width: 32rem; }
.fields { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin: .5rem 0; }
.files { display: grid; gap: .25rem; max-width: 34rem; margin: .4rem 0; }
.files:has(:nth-child(2)) { grid-template-columns: 1fr 1fr; }
.row { display: flex; flex-wrap: wrap; }
img, video { max-width: 100%; border-radius: 4px; image-rendering: auto; }
button { border: 0; border-radius: 4px; padding: .45rem .9rem; margin: .3rem .4rem 0 0;
  background: #4e5058; color: #fff; font: inherit; }
button.style1 { background: #4752c4; } button.style3 { background: #1f7a43; }
button.style4 { background: #c0353a; }
code { background: light-dark(#e3e5e8, #1e1f22); border-radius: 3px; padding: 0 .2em; }
"""


def write_text(world: World, channel: Channel, user: User) -> str:
    """The channel as Markdown, oldest message first."""
    parts = [f"# #{channel.name}"]
    for message in world.visible_messages(channel, user):
        shown = world.payloads.message(message)
        lines = [f"**{message.author.name}**{_details(message)}", ""]
        if message.origin is not None and message.origin.command is not None:
            lines.insert(0, f"_{message.origin.user.name} used {_command(message)}_  ")
        if message.flags & MessageFlag.LOADING:
            lines.append(f"_{message.author.name} is thinking…_")
        lines += message.content.splitlines()
        lines += [f"> {line}" for line in _poll_lines(message)]
        for embed in shown["embeds"]:
            lines += [f"> {line}" for line in _embed_lines(embed)]
        lines += [f"> {line}" for line in _layout_lines(shown)]
        lines += [f"📎 {file.filename} ({file.size:,} bytes)" for file in message.files]
        labels = [f"[ {_label(part)} ]" for part in _controls(shown)]
        lines += [" ".join(labels)] if labels else []
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def write_html(world: World, channel: Channel, user: User) -> str:
    """The channel as one self-contained page: images are embedded in it."""
    messages = "\n".join(
        _article(world, message) for message in world.visible_messages(channel, user)
    )
    title = escape(f"#{channel.name}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>{title}</h1>\n{messages}\n</body></html>\n"
    )


def _command(message: Message) -> str:
    """A slash command with its slash, or the name of a context-menu entry."""
    name = message.origin.command if message.origin is not None else None
    return f"{name}" if message.kind == MessageType.CONTEXT_MENU_COMMAND else f"/{name}"


def _details(message: Message) -> str:
    at = datetime.fromtimestamp(message.created, UTC)
    notes = [" APP" if message.author.bot else "", f" {at:%H:%M:%S}"]
    if message.edited is not None:
        notes.append(f" (edited {message.edits}×)" if message.edits > 1 else " (edited)")
    if message.only_for is not None:
        notes.append(" (only you can see this)")
    return "".join(notes)


def _poll_lines(message: Message) -> list[str]:
    """A poll with the votes for each answer."""
    poll = message.poll
    if poll is None:
        return []
    answers = (f"{each['text']}: {len(poll.votes[n])}" for n, each in poll.answers.items())
    return [f"**{poll.question}**", *answers]


def _embed_lines(embed: Payload) -> list[str]:
    if embed["type"] == "poll_result":
        fields = {field["name"]: field["value"] for field in embed["fields"]}
        winner = fields.get("victor_answer_text", "no winner")
        return [f"The poll “{fields['poll_question_text']}” has closed: {winner}"]
    lines = [embed.get("author", {}).get("name", "")]
    lines += [f"**{embed['title']}**"] if "title" in embed else []
    lines += embed.get("description", "").splitlines()
    for field in embed.get("fields", ()):
        lines += f"**{field['name']}** {field['value']}".splitlines()
    lines.append(embed.get("footer", {}).get("text", ""))
    return [line for line in lines if line]


def _layout_lines(shown: Payload) -> list[str]:
    texts = [part.get("content") or "" for part in walk(shown["components"])]
    return [line.lstrip("#") for text in texts for line in text.splitlines()]


def _controls(shown: Payload) -> list[Payload]:
    """The buttons and selects of a message."""
    parts = walk(shown["components"])
    return [part for part in parts if part["type"] in (ComponentType.BUTTON, *SELECTS)]


def _label(control: Payload) -> str:
    if control["type"] in SELECTS:
        return f"{control.get('placeholder') or 'Make a selection'} ▾"
    words = [control.get("emoji", {}).get("name", ""), control.get("label", "")]
    return " ".join(word for word in words if word)


def _article(world: World, message: Message) -> str:
    shown = world.payloads.message(message)
    author = escape(message.author.name)
    app = '<span class="app">APP</span>' if message.author.bot else ""
    details = escape(_details(message).removeprefix(" APP"))
    parts = [f"<header><b>{author}</b>{app}<small>{details}</small></header>"]
    if message.origin is not None and message.origin.command is not None:
        used = escape(f"{message.origin.user.name} used {_command(message)}")
        parts.insert(0, f'<div class="quiet">{used}</div>')
    if message.flags & MessageFlag.LOADING:
        parts.append(f'<p class="quiet">{author} is thinking…</p>')
    if message.content:
        parts.append(_markdown(world, message.content))
    if message.poll is not None:
        parts.append(_markdown(world, "\n".join(_poll_lines(message))))
    parts += [_embed(world, embed, message) for embed in shown["embeds"]]
    shown_ids = {entry["id"] for entry in shown["attachments"]}
    files = [_file(world, file) for file in message.files if str(file.id) in shown_ids]
    parts += [f'<div class="files">{"".join(files)}</div>'] if files else []
    parts += [_component(world, part) for part in shown["components"]]
    return f"<article>{''.join(parts)}</article>"


def _component(world: World, part: Payload) -> str:
    """A component with all that is in it."""
    inner = [*part.get("components", ()), *filter(None, [part.get("accessory")])]
    drawn = "".join(_component(world, each) for each in inner)
    match part["type"]:
        case ComponentType.CONTAINER:
            colour = f"#{part.get('accent_color') or 0x1E1F22:06x}"
            return f'<div class="embed" style="border-color: {colour}">{drawn}</div>'
        case ComponentType.ACTION_ROW:
            return f'<div class="row">{drawn}</div>'
        case ComponentType.TEXT_DISPLAY:
            return _markdown(world, part["content"])
        case ComponentType.MEDIA_GALLERY:
            found = [world.cdn.named_by(item["media"]["url"]) for item in part["items"]]
            return f'<div class="files">{"".join(_file(world, f) for f in found if f)}</div>'
        case ComponentType.THUMBNAIL:
            file = world.cdn.named_by(part["media"]["url"])
            return _file(world, file) if file else ""
        case ComponentType.SEPARATOR:
            return "<hr>"
        case ComponentType.BUTTON | ComponentType.STRING_SELECT:
            disabled = " disabled" if part.get("disabled") else ""
            label = escape(_label(part))
            return f'<button class="style{part.get("style", 2)}"{disabled}>{label}</button>'
    return drawn


def _embed(world: World, embed: Payload, message: Message) -> str:
    if embed["type"] == "poll_result":
        return _markdown(world, "\n".join(_embed_lines(embed)))
    parts = []
    for name in [embed.get("author", {}).get("name")]:
        parts += [f"<div>{escape(name)}</div>"] if name else []
    if "title" in embed:
        parts.append(f"<b>{_inline_markdown(embed['title'])}</b>")
    if "description" in embed:
        parts.append(_markdown(world, embed["description"]))
    fields = "".join(
        f"<div><b>{_inline_markdown(each['name'])}</b>{_markdown(world, each['value'])}</div>"
        for each in embed.get("fields", ())
    )
    parts += [f'<div class="fields">{fields}</div>'] if fields else []
    for slot in ("image", "thumbnail"):
        file = world.cdn.named_by(embed.get(slot, {}).get("url", ""))
        parts += [_file(world, file)] if file is not None else []
    footer = embed.get("footer", {}).get("text")
    parts += [f'<div class="quiet">{escape(footer)}</div>'] if footer else []
    colour = f"#{embed.get('color', 0x1E1F22):06x}"
    return f'<div class="embed" style="border-color: {colour}">{"".join(parts)}</div>'


def _file(world: World, file: Attachment) -> str:
    """An image or video in the page; other files by name."""
    name = escape(file.filename)
    kind = file.content_type.partition("/")[0]
    if kind not in ("image", "video"):
        return f'<div class="quiet">📎 {name} ({file.size:,} bytes)</div>'
    data = base64.b64encode(world.cdn.read(file)).decode()
    source = f'src="data:{file.content_type};base64,{data}"'
    if kind == "video":
        return f'<video controls {source} aria-label="{name}"></video>'
    return f'<img {source} alt="{escape(file.description or file.filename)}">'


def _markdown(world: World, text: str) -> str:
    """Markdown as safe HTML. Mentions and timestamps become plain text."""

    def name(match: re.Match[str]) -> str:
        user = world.users.get(int(match[1]))
        return f"@{user.name if user else 'unknown-user'}"

    def time(match: re.Match[str]) -> str:
        return f"{datetime.fromtimestamp(int(match[1]), UTC):%d %B %Y %H:%M} UTC"

    return str(_MARKDOWN.render(_TIMESTAMP.sub(time, _MENTION.sub(name, text))))


def _inline_markdown(text: str) -> str:
    return str(_MARKDOWN.renderInline(text))
