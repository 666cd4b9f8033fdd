// Puts the page together.

import { errorText, get, hasToken, Refusal } from "./api.js";
import { mountChannelView } from "./channel_view.js";
import { mountComposer } from "./composer.js";
import { byId, element, icon, iconButton, redraw } from "./dom.js";
import { mountMembers } from "./members.js";
import { mountSidebar } from "./sidebar.js";
import { become, channelName, emit, getChannel, guildOf, on, state } from "./state.js";

const PANELS = ["places", "people", "behind"];
const narrow = matchMedia("(max-width: 900px)");

/** @type {"channel" | "gallery"} */
let view = "channel";
let discordIsDown = false;
let debugging = false;

/** @param {string} panel */
function isOpen(panel) {
	return document.body.classList.contains(`${panel}-open`);
}

/** @param {string[]} panels */
function closePanels(panels) {
	for (const panel of panels) document.body.classList.remove(`${panel}-open`);
}

/** Opens a side panel and closes the others, or closes it. @param {string} panel */
async function togglePanel(panel) {
	const open = !isOpen(panel);
	closePanels(PANELS);
	document.body.classList.toggle(`${panel}-open`, open);
	await updatePanels();
	if (!open || !narrow.matches) return;
	const control = byId(panel).querySelector("button, input");
	if (control instanceof HTMLElement) control.focus();
}

/** Hides closed panels, also from screen readers. */
async function updatePanels() {
	byId("behind").hidden = !isOpen("behind");
	byId("people").hidden = narrow.matches ? !isOpen("people") : isOpen("behind");
	byId("places").inert = narrow.matches && !isOpen("places");
	byId("servers").inert = byId("places").inert;
	drawHeader();
	if (debugging === isOpen("behind")) return;
	debugging = isOpen("behind");
	const panel = await import("./debug_panel.js");
	if (!byId("behind").hasChildNodes()) panel.mountDebugPanel(byId("behind"), closeDebugPanel);
	panel.watchDebugPanel(isOpen("behind"));
}

async function closeDebugPanel() {
	await togglePanel("behind");
	focusHeader("button:last-child");
}

function drawHeader() {
	const channel = getChannel();
	const gallery = view === "gallery";
	const title = gallery ? "Gallery" : channel ? channelName(channel) : "";
	const hash = gallery || !channel?.guild_id ? "" : "#";
	document.title = `${hash}${title} · ${guildOf(channel)?.name ?? "Imagine"}`;
	const topic = gallery ? "Every finished image that you can see" : (channel?.topic ?? "");
	redraw(byId("top"), [
		iconButton("menu", "Servers and channels", () => togglePanel("places"), {
			"aria-expanded": String(isOpen("places")),
			class: "plain only-narrow",
		}),
		icon(gallery ? "picture" : channel?.guild_id ? "hash" : "at"),
		element("h1", title),
		element("p.topic", topic),
		iconButton("people", "Members", () => togglePanel("people"), {
			"aria-expanded": String(isOpen("people")),
			class: "plain only-narrow",
		}),
		iconButton("pulse", "Behind the scenes", () => togglePanel("behind"), {
			"aria-expanded": String(isOpen("behind")),
		}),
	]);
}

function drawBanner() {
	byId("banner").textContent = bannerText();
}

function bannerText() {
	if (state.lost) return state.lost;
	if (discordIsDown) return "Discord is down, because you switched it off. The bot is waiting.";
	return state.connected ? "" : "The bot is not connected. It will connect by itself.";
}

/** @param {"channel" | "gallery"} wanted */
function showView(wanted) {
	view = wanted;
	for (const id of ["channel", "composer"]) byId(id).hidden = view !== "channel";
	byId("gallery").hidden = view !== "gallery";
	drawHeader();
	if (view === "gallery") import("./gallery.js").then((gallery) => gallery.drawGallery());
}

function mount() {
	mountSidebar();
	mountMembers(byId("people"));
	mountChannelView(byId("channel"));
	mountComposer(byId("composer"));
}

function listen() {
	on("view", showView);
	on("jump", () => {
		emit("view", "channel");
		if (narrow.matches) closePanels(PANELS);
		updatePanels();
	});
	on("ready", () => {
		updatePanels();
		drawBanner();
	});
	on("channel", updatePanels);
	on("presence", drawBanner);
	on("reaction", async ({ data, added }) =>
		(await import("./reactions.js")).applyReaction(data, added),
	);
	on("vote", async ({ data, added }) => (await import("./poll.js")).applyVote(data, added));
	on("fault", (debugState) => {
		discordIsDown = debugState.down;
		drawBanner();
	});
	narrow.addEventListener("change", updatePanels);
	addEventListener("keydown", onKey);
	document.addEventListener("pointerdown", onPointerDown);
}

async function start() {
	if (!hasToken) {
		refuse("Open the address that make try printed: the part after its # is the key.");
		return;
	}
	mount();
	listen();
	try {
		/** @type {User[]} */
		const members = await get("/members");
		const first = members.find((member) => member.global_name === "Ada") ?? members.at(-1);
		state.channelId = (await get("")).channel.id;
		if (first) become(first.id);
	} catch (error) {
		const wrongKey = error instanceof Refusal && error.status === 401;
		refuse(
			wrongKey
				? "The key in this address is wrong or out of date. Open the address that make try printed."
				: `${errorText(error)} Is make try still running?`,
		);
	}
}

/** A click on the channel closes a panel that covers it. @param {PointerEvent} event */
function onPointerDown(event) {
	const target = /** @type {Element} */ (event.target);
	const open = isOpen("places") || isOpen("people");
	if (open && narrow.matches && byId("main").contains(target) && !target.closest("#top")) {
		closePanels(["places", "people"]);
		updatePanels();
	}
}

/** Escape closes a panel; / goes to the message box. @param {KeyboardEvent} event */
function onKey(event) {
	if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
	const target = /** @type {Element} */ (event.target);
	const open = PANELS.find(isOpen);
	if (event.key === "Escape" && open) {
		togglePanel(open);
		focusHeader("button");
	} else if (
		event.key === "/" &&
		view === "channel" &&
		!target.closest("input, textarea, select")
	) {
		byId("composer-text").focus();
	}
}

/** @param {string} selector */
function focusHeader(selector) {
	const control = byId("top").querySelector(selector);
	if (control instanceof HTMLElement) control.focus();
}

/** @param {string} text */
function refuse(text) {
	document.body.replaceChildren(
		element("main.refused", icon("warning"), element("h1", "No access"), element("p", text)),
	);
}

start();
