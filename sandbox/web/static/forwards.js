// Forwarded messages. Loaded with the first one, or with the first menu.

import { errorText, post } from "./api.js";
import { componentNodes } from "./components.js";
import { announce, element } from "./dom.js";
import { patch, patchEmbeds } from "./embeds.js";
import { markdown } from "./markdown.js";
import { filesNode } from "./media.js";
import { addNote } from "./notes.js";
import { state } from "./state.js";

/** A message with the content of what it forwards, if it does. @param {Message} message */
export function forwardedPart(message) {
	const snapshot = message.message_snapshots?.[0]?.message;
	if (!snapshot) return message;
	const { content, attachments, embeds, components } = snapshot;
	return { ...message, content, attachments, embeds, components };
}

/** Shows what a message forwards; that never changes. @param {Element} box @param {Message} message */
export function drawForward(box, message) {
	const shown = forwardedPart(message);
	const embeds = element("div.embeds");
	patchEmbeds(embeds, shown.embeds);
	patch(box, shown.id, () => [
		element("small.only-you", "Forwarded"),
		...markdown(shown.content),
		embeds,
		shown.attachments.length ? filesNode(shown.attachments) : null,
		...componentNodes(box, shown),
	]);
}

/** Forwards a message as the current member. @param {Message} message @param {Channel} channel */
export async function forward(message, channel) {
	try {
		await post(`/channels/${message.channel_id}/forwards`, {
			member: state.me,
			message: message.id,
			to: channel.id,
		});
		announce(`Forwarded to #${channel.name}.`);
	} catch (error) {
		addNote(errorText(error));
	}
}
