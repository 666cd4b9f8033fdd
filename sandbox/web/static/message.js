// One message: author, time, content, embeds, files and components. Each part is updated in place.

import { componentNodes, titleOf } from "./components.js";
import { avatar, element, icon, iconButton, nameOf } from "./dom.js";
import { patch, patchEmbeds } from "./embeds.js";
import { inline, markdown } from "./markdown.js";
import { bare, filesNode } from "./media.js";
import { emit, findMessage, state } from "./state.js";
import { postedNode } from "./times.js";

const CONTEXT_MENU_COMMAND = 23;
const POLL_RESULT = 46;
const EPHEMERAL = 1 << 6;
const LOADING = 1 << 7;
const SAME_AUTHOR_MILLISECONDS = 7 * 60e3;

export const isEphemeral = (message) => (message.flags & EPHEMERAL) !== 0;

/** An empty node for a message; `patchMessage` fills it. @param {Message} message */
export function newMessage(message) {
	/** @param {Element} anchor @param {MouseEvent | null} [pointer] */
	const openMenu = async (anchor, pointer) =>
		(await import("./menu.js")).openMenu(current(node), anchor, pointer);
	const part = (name) => element("div", { class: name });
	const node = element(
		"li.message",
		{ id: `message-${message.id}`, tabindex: "-1", "data-message": message.id },
		part("above"),
		element("div.side", { "aria-hidden": "true" }),
		element(
			"div.body",
			part("head"),
			part("content text"),
			part("special"),
			part("embeds"),
			part("attachments"),
			part("components"),
			element("div.problem", { role: "alert" }),
			part("reactions"),
			part("below"),
		),
		element(
			"div.tools",
			iconButton(
				"more",
				"More for this message",
				() => openMenu(node.querySelector(".tools button") ?? node),
				{ "aria-haspopup": "menu" },
			),
		),
	);
	node.addEventListener("contextmenu", (event) => {
		const target = /** @type {Element} */ (event.target);
		if (target.closest("a, input, textarea, select")) return;
		event.preventDefault();
		openMenu(node, event.clientX ? event : null);
	});
	return node;
}

/** The message of a node, as it is now. @param {HTMLElement} node */
function current(node) {
	return state.channelId === null ? undefined : findMessage(state.channelId, node.dataset.message);
}

/**
 * Updates the parts of a node that have changed.
 * @param {HTMLElement} node
 * @param {Message} message
 * @param {Message} [before]
 */
export function patchMessage(node, message, before) {
	const [above, side, body, tools] = node.children;
	const [head, content, special, embeds, attachments, components, , reactions, below] =
		body.children;
	const active = document.activeElement;
	const focused = active instanceof HTMLElement && node.contains(active) ? active.dataset.id : null;
	const compact = follows(message, before);
	node.classList.toggle("compact", compact);
	node.classList.toggle("ephemeral", isEphemeral(message));
	const origin = message.interaction ?? null;
	const reply = repliedTo(message);
	patch(above, [origin, reply, message.type, state.locale], () => aboveNodes(message));
	patch(side, [message.author, compact], () => [compact ? null : avatar(message.author)]);
	patch(head, [message.author, compact, message.timestamp, state.locale], () =>
		compact ? [] : headNodes(message),
	);
	patch(
		content,
		[message.content, message.edited_timestamp, message.flags & LOADING, state.locale],
		() => contentNodes(message),
	);
	if (message.poll || message.type === POLL_RESULT)
		import("./poll.js").then((module) => module.drawPoll(special, message));
	else if (message.message_snapshots)
		import("./forwards.js").then((module) => module.drawForward(special, message));
	else patchEmbeds(embeds, message.embeds);
	patch(
		attachments,
		message.attachments.map((file) => [bare(file.url), file.description]),
		() => (message.attachments.length ? [filesNode(message.attachments)] : []),
	);
	patch(components, message.components, () => componentNodes(components, message));
	if (message.reactions || reactions.hasChildNodes())
		import("./reactions.js").then((module) => module.drawReactions(reactions, message));
	patch(below, isEphemeral(message), () => (isEphemeral(message) ? [belowNode(message)] : []));
	tools.toggleAttribute("hidden", Boolean(message.flags & LOADING));
	if (focused && !node.contains(document.activeElement)) {
		const control = node.querySelector(`[data-id="${CSS.escape(focused)}"]`) ?? node;
		if (control instanceof HTMLElement) control.focus({ preventScroll: true });
	}
}

/** The id of the message that this one responds to, as a reply or after a button press. */
function repliedTo(message) {
	const pressed = message.interaction_metadata;
	const opened = pressed?.triggering_interaction_metadata;
	return (
		message.message_reference?.message_id ??
		pressed?.interacted_message_id ??
		opened?.interacted_message_id ??
		null
	);
}

/** Whether a message continues the one before, without a header of its own. */
function follows(message, before) {
	if (!before || message.interaction || repliedTo(message)) return false;
	const apart = Date.parse(message.timestamp) - Date.parse(before.timestamp);
	return (
		before.author.id === message.author.id &&
		apart < SAME_AUTHOR_MILLISECONDS &&
		isEphemeral(before) === isEphemeral(message)
	);
}

function aboveNodes(message) {
	const used = message.interaction;
	if (used) {
		const command = element(
			"span.mention",
			message.type === CONTEXT_MENU_COMMAND ? used.name : `/${used.name}`,
		);
		return [
			element(
				"div.used",
				avatar(used.user, true),
				element("b", nameOf(used.user)),
				" used ",
				command,
			),
		];
	}
	const to = findMessage(message.channel_id, repliedTo(message));
	if (!to) return [];
	const jump = () => emit("jump", { channel: to.channel_id, message: to.id });
	const quoted = titleOf(to) || to.content || "a message";
	return [
		element(
			"div.used",
			avatar(to.author, true),
			element("b", nameOf(to.author)),
			" ",
			element("button.link.quiet", { onclick: jump }, inline(quoted.slice(0, 80))),
		),
	];
}

function headNodes(message) {
	return [
		element("span.name", nameOf(message.author)),
		message.author.bot && element("span.app", "APP"),
		postedNode(message.timestamp),
	];
}

function contentNodes(message) {
	if (message.flags & LOADING) {
		return [
			element(
				"p.thinking",
				element("span.dots", { "aria-hidden": "true" }),
				`${nameOf(message.author)} is thinking…`,
			),
		];
	}
	const edited = message.edited_timestamp && element("small.edited", "(edited)");
	const nodes = message.content ? markdown(message.content) : [];
	if (edited && nodes.length) nodes.push(edited);
	return nodes;
}

function belowNode(message) {
	const dismiss = () => emit("dismiss", message.id);
	return element(
		"small.only-you",
		icon("eye"),
		"Only you can see this",
		element("button.link", { onclick: dismiss }, "Dismiss message"),
	);
}
