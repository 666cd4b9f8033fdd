// The embeds of a message.

import { element, flatten } from "./dom.js";
import { inline, markdown } from "./markdown.js";
import { changeImage, imageNode } from "./media.js";
import { postedNode } from "./times.js";

/**
 * Updates the embeds of a message. Images change in place.
 * @param {Element} box
 * @param {Embed[]} embeds
 */
export function patchEmbeds(box, embeds) {
	while (box.children.length > embeds.length) box.lastElementChild?.remove();
	for (const [index, embed] of embeds.entries()) {
		const node = box.children[index] ?? box.appendChild(newEmbed());
		patchEmbed(/** @type {HTMLElement} */ (node), embed);
	}
}

function newEmbed() {
	return element("div.embed", element("div.embed-text"), element("div"), element("div.embed-foot"));
}

/** @param {HTMLElement} node @param {Embed} embed */
function patchEmbed(node, embed) {
	const [text, image, foot] = node.children;
	colourEdge(node, embed.color);
	patch(text, [embed.author, embed.title, embed.url, embed.description, embed.fields], () =>
		body(embed),
	);
	if (!isLocal(embed.image)) image.replaceChildren();
	else if (image.firstElementChild) changeImage(image.firstElementChild, embed.image);
	else image.append(imageNode(embed.image));
	patch(foot, [embed.footer, embed.timestamp], () => footer(embed));
}

/** Colours the left edge of an embed or container. @param {HTMLElement} node @param {unknown} colour */
export function colourEdge(node, colour) {
	const known = typeof colour === "number";
	node.style.setProperty("--edge", known ? `#${colour.toString(16).padStart(6, "0")}` : null);
}

/** What each node was built from. @type {WeakMap<Element, string>} */
const sources = new WeakMap();

/**
 * Rebuilds the content of a node if its source has changed.
 * @param {Element} node
 * @param {unknown} source
 * @param {() => Children[]} build
 */
export function patch(node, source, build) {
	const serialized = JSON.stringify(source);
	if (sources.get(node) === serialized) return;
	sources.set(node, serialized);
	node.replaceChildren(...flatten(build()));
}

/**
 * Whether an image is on this server. The page loads nothing from others.
 * @param {Media | undefined} media
 * @returns {media is Media}
 */
function isLocal(media) {
	return media?.url.startsWith(location.origin) ?? false;
}

/** @param {Embed} embed */
function body(embed) {
	const title = embed.title && element("p.embed-title", inline(embed.title));
	const fields = embed.fields?.length ? element("dl.fields", embed.fields.map(field)) : null;
	return [
		isLocal(embed.thumbnail) && element("div.thumbnail", imageNode(embed.thumbnail)),
		embed.author && element("p.embed-author", embed.author.name),
		title,
		embed.description && element("div.text", markdown(embed.description)),
		fields,
	];
}

/** @param {EmbedField} each */
function field(each) {
	return element(
		"div",
		{ class: each.inline ? "inline" : "" },
		element("dt", inline(each.name)),
		element("dd.text", markdown(each.value)),
	);
}

/** @param {Embed} embed */
function footer(embed) {
	/** @type {(Node | string | undefined)[]} */
	const parts = [embed.footer?.text];
	if (embed.timestamp) parts.push(postedNode(embed.timestamp));
	const shown = parts
		.filter((part) => part !== undefined && part !== "")
		.flatMap((part, index) => (index ? [" · ", part] : [part]));
	return shown.length ? [element("small", shown)] : [];
}
