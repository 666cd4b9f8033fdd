// The messages of the current channel. The view follows new messages while its end is visible.

import { titleOf } from "./components.js";
import { announce, element, icon, nameOf } from "./dom.js";
import { isEphemeral, newMessage, patchMessage } from "./message.js";
import { HELP, IMAGINE } from "./product.js";
import { channelName, emit, getChannel, on, openChannel, state } from "./state.js";

const NEAR_END = 60; // pixels from the end at which the view still follows

const list = element("ol");
const newer = element(
	"button.newer.first",
	{ hidden: true, onclick: scrollToEnd },
	icon("down"),
	"Newer messages",
);
const empty = element("div.beginning");
const log = element("div.log", { role: "log", "aria-live": "off", tabindex: "0" }, empty, list);
const dismissed = new Set();
/** The last announcement for each message. @type {WeakMap<HTMLElement, string>} */
const announced = new WeakMap();

/** Shows the current channel. @param {HTMLElement} box */
export function mountChannelView(box) {
	box.append(log, newer);
	on("ready", () => {
		draw();
		if (!wanted || !getChannel(wanted.channel)) return;
		jump(wanted);
		wanted = null;
	});
	on("channel", () => {
		list.replaceChildren();
		draw();
		scrollToEnd();
	});
	on("message", change);
	on("note", addNote);
	on("note-removed", (note) => note.node?.remove());
	on("dismiss", dismiss);
	on("jump", jump);
	list.addEventListener("keydown", onKey);
	log.addEventListener("scroll", scrolled);
	new ResizeObserver(keepAtEnd).observe(list);
	new ResizeObserver(keepAtEnd).observe(log);
}

let following = true; // whether the end was visible before something grew
let lastTop = 0;

/** Only scrolling up stops following; content that grows does not. */
function scrolled() {
	if (log.scrollTop < lastTop || atEnd()) following = atEnd();
	lastTop = log.scrollTop;
	if (following) newer.hidden = true;
}

function keepAtEnd() {
	if (following) scrollToEnd();
}

function atEnd() {
	return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
}

function scrollToEnd() {
	log.scrollTop = log.scrollHeight;
	following = true;
	newer.hidden = true;
}

function draw() {
	const channel = getChannel();
	if (!channel) return;
	log.ariaLabel = `Messages in ${channelName(channel)}`;
	empty.replaceChildren(...beginning(channel));
	const shown = visible(channel);
	const ids = new Set(shown.map((message) => message.id));
	for (const node of items()) {
		if (!ids.has(node.dataset.message ?? "")) node.remove();
	}
	for (const [index, message] of shown.entries()) put(message, shown[index - 1]);
	ensureTabStop();
}

/** @returns {HTMLElement[]} */
function items() {
	return /** @type {HTMLElement[]} */ ([...list.children]);
}

/** @param {Channel | undefined} channel @returns {Message[]} */
function visible(channel) {
	return [...(channel?.messages.values() ?? [])].filter((message) => !dismissed.has(message.id));
}

function put(message, before) {
	let node = document.getElementById(`message-${message.id}`);
	if (!node) {
		node = newMessage(message);
		const after = before && document.getElementById(`message-${before.id}`);
		if (after) after.after(node);
		else list.prepend(node);
	}
	patchMessage(node, message, before);
	return node;
}

function change({ name, id, channel: channelId }) {
	if (channelId !== state.channelId) return;
	const shown = visible(getChannel());
	const index = shown.findIndex((message) => message.id === id);
	if (index < 0) {
		const gone = document.getElementById(`message-${id}`);
		if (gone?.contains(document.activeElement)) focusNode(gone.previousElementSibling ?? log);
		gone?.remove();
	} else {
		const node = put(shown[index], shown[index - 1]);
		node.classList.toggle("fresh", name === "MESSAGE_CREATE");
		if (name === "MESSAGE_CREATE" && !following) newer.hidden = false;
		announceMessage(node, shown[index], name);
	}
	const next = shown[index + 1];
	if (next) put(next, shown[index]);
	ensureTabStop();
}

/** Announces new messages and changed titles to screen readers, but no changing numbers. */
function announceMessage(node, message, name) {
	const title = titleOf(message);
	const text = [title, message.content].filter(Boolean).join(". ");
	const short = title || text;
	if (message.author.id === state.me || !short || announced.get(node) === short) return;
	announced.set(node, short);
	announce(
		`${nameOf(message.author)}${isEphemeral(message) ? ", to you only" : ""}: ${name === "MESSAGE_CREATE" ? text : short}`,
	);
}

function dismiss(id) {
	dismissed.add(id);
	const node = document.getElementById(`message-${id}`);
	const next = node?.nextElementSibling ?? node?.previousElementSibling;
	node?.remove();
	ensureTabStop();
	focusNode(next ?? log);
}

function beginning(channel) {
	const name = channelName(channel);
	const direct = !channel.guild_id;
	return [
		element("h2", direct ? `Your conversation with ${name}` : `Welcome to #${name}`),
		element(
			"p",
			!direct
				? channel.topic || "Start of the channel."
				: channel.name
					? "Anyone who has added the bot can use it here."
					: "Only you and the bot see this. Private images come here.",
		),
		element("p", "Type ", element("kbd", "/"), " to see what the bot can do."),
		element(
			"div.row",
			opener("Create an image", "first", { name: IMAGINE, run: false }),
			opener("Show help", "second", { name: HELP, run: true }),
		),
	];
}

/** @param {string} label @param {string} style @param {Events["command"]} command */
function opener(label, style, command) {
	return element("button", { class: style, onclick: () => emit("command", command) }, label);
}

/** A line that Discord's client itself shows. @param {Note} note */
function addNote(note) {
	const close = element(
		"button.link",
		{
			onclick: () => {
				note.node?.remove();
				log.focus();
			},
		},
		"Dismiss",
	);
	note.node = element(
		"li",
		{ class: `message note${note.waiting ? " waiting" : ""}`, tabindex: "-1" },
		element("div.above"),
		element("div.side", { "aria-hidden": "true" }, icon(note.waiting ? "send" : "warning")),
		element(
			"div.body",
			element("p", note.text),
			!note.waiting && element("small.only-you", icon("eye"), "Only you can see this", close),
		),
	);
	list.append(note.node);
	if (!note.waiting) announce(note.text);
	scrollToEnd();
}

/** A jump to a channel that is not loaded yet. @type {MessageTarget | null} */
let wanted = null;

/** @param {MessageTarget} target */
function jump({ channel: channelId, message }) {
	if (!getChannel(channelId)) {
		wanted = { channel: channelId, message };
		return;
	}
	if (channelId !== state.channelId) openChannel(channelId);
	requestAnimationFrame(() => {
		const node = document.getElementById(`message-${message}`);
		if (!node) return;
		following = false;
		node.scrollIntoView({ block: "center" });
		node.classList.add("pointed");
		setTimeout(() => node.classList.remove("pointed"), 2000);
		moveFocus(node);
	});
}

// Roving tabindex: one message is in the tab order, and arrow keys move between messages.

function ensureTabStop() {
	if (!list.querySelector(":scope > [tabindex='0']"))
		list.lastElementChild?.setAttribute("tabindex", "0");
}

/** @param {Element} node */
function focusNode(node) {
	if (node instanceof HTMLElement) node.focus();
}

/** @param {HTMLElement} node */
function moveFocus(node) {
	for (const other of items()) other.tabIndex = -1;
	node.tabIndex = 0;
	node.focus();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
	const node = event.target;
	if (!(node instanceof HTMLElement) || node.parentElement !== list) return;
	const next = nextItem(node, event.key);
	if (!(next instanceof HTMLElement)) return;
	event.preventDefault();
	moveFocus(next);
}

/** @param {Element} node @param {string} key */
function nextItem(node, key) {
	if (key === "ArrowUp") return node.previousElementSibling;
	if (key === "ArrowDown") return node.nextElementSibling;
	if (key === "Home") return list.firstElementChild;
	return key === "End" ? list.lastElementChild : null;
}
