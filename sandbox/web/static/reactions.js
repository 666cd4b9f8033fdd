// The reactions to a message, with their counts. Loaded with the first one.

import { errorText, post } from "./api.js";
import { element } from "./dom.js";
import { patch } from "./embeds.js";
import { addNote } from "./notes.js";
import { emit, getChannel, state } from "./state.js";

/** The emoji that a message's menu offers. */
export const OFFERED = ["⭐", "❌", "✉️"];

/** Applies a reaction event to its message. @param {ReactionEvent} data @param {boolean} added */
export function applyReaction(data, added) {
	const channel = getChannel(data.channel_id);
	const message = channel?.messages.get(data.message_id);
	if (!channel || !message) return;
	const own = data.user_id === state.me;
	const before = message.reactions ?? [];
	const known = before.find((each) => each.emoji.name === data.emoji.name);
	const old = known ?? { emoji: data.emoji, count: 0, me: false };
	const now = { ...old, count: old.count + (added ? 1 : -1), me: own ? added : old.me };
	const all = known ? before.map((each) => (each === known ? now : each)) : [...before, now];
	const reactions = all.filter((each) => each.count > 0);
	channel.messages.set(message.id, { ...message, reactions });
	emit("message", { name: "MESSAGE_UPDATE", id: message.id, channel: channel.id });
}

/** Draws the reactions in their box; the focus stays on the same one. @param {Element} box @param {Message} message */
export function drawReactions(box, message) {
	const focused = box.contains(document.activeElement) ? document.activeElement : null;
	const name = focused instanceof HTMLElement ? focused.dataset.emoji : undefined;
	patch(box, message.reactions ?? [], () => reactionNodes(message));
	const again = /** @type {HTMLElement | null} */ (
		name ? box.querySelector(`[data-emoji="${CSS.escape(name)}"]`) : null
	);
	again?.focus({ preventScroll: true });
}

/** @param {Message} message */
function reactionNodes(message) {
	const pills = (message.reactions ?? []).map(({ emoji, count, me }) =>
		element(
			me ? "button.first" : "button.second",
			{
				"data-emoji": emoji.name,
				"aria-pressed": String(me),
				"aria-label": `${emoji.name}, ${count} ${count === 1 ? "reaction" : "reactions"}`,
				onclick: () => setReaction(message, emoji.name, !me),
			},
			`${emoji.name} ${count}`,
		),
	);
	return pills.length ? [element("div.row", pills)] : [];
}

/** Whether the member has reacted with an emoji. @param {Message} message @param {string} emoji */
export function hasReacted(message, emoji) {
	return (message.reactions ?? []).some((each) => each.emoji.name === emoji && each.me);
}

/**
 * Adds the member's reaction, or removes it.
 * @param {Message} message
 * @param {string} emoji
 * @param {boolean} add
 */
export async function setReaction(message, emoji, add) {
	const body = { member: state.me, message: message.id, emoji, add };
	try {
		await post(`/channels/${message.channel_id}/reactions`, body);
	} catch (error) {
		addNote(errorText(error));
	}
}
