// All finished images with their recipes, which can be run again. Loaded when it is first opened.

import { errorText, get, post } from "./api.js";
import { runCommand } from "./command_form.js";
import { walk } from "./components.js";
import { byId, element, icon, loadStyles } from "./dom.js";
import { imageNode } from "./media.js";
import { addNote } from "./notes.js";
import { AGAIN_PREFIX, IMAGINE } from "./product.js";
import { channelName, emit, getChannel, guildOf, on, openChannel, state } from "./state.js";

await loadStyles("gallery");

const box = byId("gallery");
on("ready", drawGallery);
on("message", drawGallery);

let requested = 0;
/** The member and the images that were drawn last. */
let drawn = "";

/** Draws the gallery while it is shown. */
export async function drawGallery() {
	if (box.hidden) return;
	const number = ++requested;
	const images = await get("/gallery", { member: state.me }).catch(() => null);
	if (number !== requested) return;
	const content = JSON.stringify([state.me, images?.map((image) => image.id)]);
	if (content === drawn) return;
	drawn = content;
	const cards = (images ?? []).map(card);
	box.replaceChildren(
		element("h2.unseen", "Gallery"),
		cards.length
			? element("ul.cards", cards)
			: element(
					"p.hint",
					images
						? "No image is finished yet. Images appear here with their recipes, which you can run again."
						: "The local Discord does not respond.",
				),
	);
}

function card(image) {
	const { recipe } = image;
	const channel = getChannel(image.channel_id);
	const options = optionsOf(recipe);
	const again = walk(image.components).find((part) => part.custom_id?.startsWith(AGAIN_PREFIX));
	const facts = [
		["Include", prompts(recipe.include, recipe.include_images)],
		["Exclude", prompts(recipe.exclude, recipe.exclude_images)],
		["Size", `${recipe.width}×${recipe.height}`],
		["Steps", recipe.steps],
		["Seed", (recipe.seed + image.row) % 2 ** 32],
		["Image", recipe.count > 1 && `${image.row + 1} of ${recipe.count}`],
		["Style", recipe.preset],
	].filter(([, value]) => value || value === 0);
	return element(
		"li.card",
		imageNode(image),
		element(
			"dl",
			facts.map(([name, value]) =>
				element("div", element("dt", name), element("dd", String(value))),
			),
		),
		element(
			"div.row",
			options
				? element(
						"button.first",
						{ onclick: () => run(image, options) },
						icon("again"),
						"Run again",
					)
				: element("p.hint", "It starts from another image, which a command cannot refer to."),
			again &&
				element("button.second", { onclick: () => press(image, again) }, icon("dice"), "New seed"),
			channel &&
				element(
					"button.link",
					{ onclick: () => show(image) },
					`In ${channel.guild_id ? `${guildOf(channel)?.name} #` : ""}${channelName(channel)}`,
				),
		),
	);
}

/** The recipe as options of /imagine; null if it needs images, which options cannot refer to. */
function optionsOf(recipe) {
	if (
		recipe.source ||
		recipe.initial ||
		recipe.include_images.length ||
		recipe.exclude_images.length
	)
		return null;
	/** @type {Record<string, OptionValue>} */
	const options = {
		include: prompts(recipe.include),
		size: `${recipe.width}x${recipe.height}`,
		steps: recipe.steps,
		seed: recipe.seed,
	};
	if (recipe.exclude.length) options.exclude = prompts(recipe.exclude);
	if (recipe.count > 1) options.count = recipe.count;
	return options;
}

/** Prompts in the syntax of /imagine: separated by bars, with a weight after the last colon. */
function prompts(texts, images = []) {
	const written = texts.map(({ text, weight }) => {
		const escaped = text.replace(/\||\\(?=[\\|])/g, "\\$&");
		if (weight === 1 && !text.includes(":")) return escaped;
		const space = /\d$/.test(text) ? " " : "";
		const number = weight < 1e-6 ? weight.toFixed(20).replace(/0+$/, "") : weight;
		return `${escaped}${space}:${number}`;
	});
	return [...written, ...images.map(() => "an image")].join(" | ");
}

async function run(image, options) {
	show(image);
	try {
		await runCommand(IMAGINE, IMAGINE, options);
	} catch (error) {
		addNote(errorText(error));
	}
}

async function press(image, button) {
	show(image);
	try {
		const body = {
			member: state.me,
			channel: image.channel_id,
			message: image.message_id,
			custom_id: button.custom_id,
		};
		const outcome = await post("/components/use", body);
		if (outcome.kind === "failed") addNote(`${outcome.error}.`);
	} catch (error) {
		addNote(errorText(error));
	}
}

function show(image) {
	emit("view", "channel");
	openChannel(image.channel_id);
	emit("jump", { channel: image.channel_id, message: image.message_id });
}
