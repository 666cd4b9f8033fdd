// The components of a message: buttons, select menus, and the parts of a layout.

import { errorText, post } from "./api.js";
import { element, icon } from "./dom.js";
import { colourEdge } from "./embeds.js";
import { markdown } from "./markdown.js";
import { covered, fileNode, imageNode, isKind, keepImages, videoNode } from "./media.js";
import { selectOptions } from "./select_options.js";
import { state } from "./state.js";

const ACTION_ROW = 1;
const BUTTON = 2;
const SELECTS = [3, 5, 6, 7, 8];
const SECTION = 9;
const TEXT_DISPLAY = 10;
const THUMBNAIL = 11;
const MEDIA_GALLERY = 12;
const FILE = 13;
const SEPARATOR = 14;
const CONTAINER = 17;
const LINK_STYLE = 5;
const STYLE_CLASSES = { 1: "first", 2: "second", 3: "good", 4: "danger" };

/**
 * The components of a message, for the box that shows them now. Images change in place.
 * @param {Element} box
 * @param {Message} message
 */
export function componentNodes(box, message) {
	const nodes = message.components.map((part) => node(part, message));
	keepImages(box, nodes);
	return nodes;
}

/** All components with those inside them. @param {Component[]} parts @returns {Component[]} */
export function walk(parts) {
	return parts.flatMap((part) => [
		part,
		...walk(part.components ?? []),
		...walk(part.accessory ? [part.accessory] : []),
	]);
}

/** The text of a message: content, embeds and layout. @param {Message} message */
export function textOf(message) {
	const layout = walk(message.components).map((part) => part.content);
	const embeds = message.embeds.flatMap((embed) => [embed.title, embed.description]);
	return [message.content, ...embeds, ...layout].filter(Boolean).join("\n");
}

/** The heading of a message, if it has one. @param {Message} message */
export function titleOf(message) {
	const heading = walk(message.components)
		.map((part) => part.content?.match(/^#+ (.+)/)?.[1])
		.find(Boolean);
	return message.embeds[0]?.title ?? heading ?? message.poll?.question.text ?? "";
}

/** @param {Component} part @param {Message} message @returns {HTMLElement} */
function node(part, message) {
	const inside = () => (part.components ?? []).map((each) => node(each, message));
	if (SELECTS.includes(part.type)) return select(part, message);
	switch (part.type) {
		case ACTION_ROW:
			return element("div.row", inside());
		case BUTTON:
			return button(part, message);
		case CONTAINER:
			return container(part, inside());
		case TEXT_DISPLAY:
			return element("div.text", markdown(part.content ?? ""));
		case SECTION:
			return element(
				"div.section",
				element("div", inside()),
				part.accessory && node(part.accessory, message),
			);
		case MEDIA_GALLERY:
			return element(
				"div",
				{ class: `mosaic of${Math.min((part.items ?? []).length, 4)}` },
				(part.items ?? []).map(media),
			);
		case THUMBNAIL:
			return element("div.thumbnail", media(part));
		case SEPARATOR:
			return element("hr", { class: part.divider ? "" : "blank" });
		case FILE:
			return fileNode(/** @type {any} */ ({ ...part.file, filename: part.name, size: part.size }));
		default:
			return element("p.hint", `This page cannot show components of type ${part.type}.`);
	}
}

/** @param {Component} part @param {HTMLElement[]} inside */
function container(part, inside) {
	const box = element("div.container", inside);
	colourEdge(box, part.accent_color);
	return box;
}

/** An item of a gallery, or a thumbnail. @param {any} item */
function media(item) {
	const file = { ...item.media, description: item.description };
	const shown = isKind(file, "video") ? videoNode(file) : imageNode(file);
	return item.spoiler ? covered(shown) : shown;
}

function button(part, message) {
	const emoji = part.emoji?.name;
	const label = part.label
		? [emoji && element("span", { "aria-hidden": "true" }, `${emoji} `), part.label]
		: emoji;
	if (part.style === LINK_STYLE) {
		return element(
			"a.second",
			{ href: part.url, target: "_blank", rel: "noopener noreferrer" },
			label,
			icon("jump"),
		);
	}
	const control = element(
		"button",
		{ class: STYLE_CLASSES[part.style], "data-id": part.custom_id, disabled: part.disabled },
		label,
	);
	control.addEventListener("click", () => use(control, message, part.custom_id));
	return control;
}

function select(part, message) {
	const several = (part.max_values ?? 1) > 1;
	const hint = part.placeholder || "Make a selection";
	const options = selectOptions(part).map((option) =>
		element(
			"option",
			{ value: option.value, selected: option.default, title: option.description },
			option.label,
		),
	);
	const control = element(
		"select",
		{
			"aria-label": hint,
			"data-id": part.custom_id,
			disabled: part.disabled,
			multiple: several,
			size: several ? Math.min(options.length, 5) : null,
		},
		!several &&
			element(
				"option",
				{ value: "", selected: !part.options?.some((option) => option.default) },
				hint,
			),
		options,
	);
	const values = () => [...control.selectedOptions].map((option) => option.value).filter(Boolean);
	const send = () => use(control, message, part.custom_id, values());
	if (!several) control.addEventListener("change", () => values().length && send());
	return several
		? element("div.several", control, element("button.second", { onclick: send }, "Choose"))
		: control;
}

async function use(control, message, customId, values = []) {
	if (control.ariaBusy === "true") return;
	control.ariaBusy = "true";
	const note = control.closest("[data-message]")?.querySelector(".problem");
	note?.replaceChildren();
	try {
		const body = {
			member: state.me,
			channel: message.channel_id,
			message: message.id,
			custom_id: customId,
			values,
		};
		const outcome = await post("/components/use", body);
		if (outcome.kind === "failed")
			note?.replaceChildren("This interaction failed. The bot did not respond in time.");
		if (outcome.kind === "modal") (await import("./modal.js")).openModal(outcome);
	} catch (error) {
		note?.replaceChildren(`This interaction failed. ${errorText(error)}`);
	} finally {
		control.ariaBusy = null;
	}
}
