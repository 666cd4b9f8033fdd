// The message box: plain messages, and commands after a slash.

import { errorText, get, post, upload } from "./api.js";
import { CommandForm } from "./command_form.js";
import { announce, byId, element, iconButton, sizeText } from "./dom.js";
import { addNote } from "./notes.js";
import { originalName, preview } from "./option_field.js";
import { channelName, getChannel, hasPermission, on, state } from "./state.js";
import { SuggestionList } from "./suggestion_list.js";

const CHAT_INPUT = 1;
const SUBCOMMAND = 1;
const SUBCOMMAND_GROUP = 2;
const SEND_MESSAGES = 1n << 11n;

const text = element("textarea", {
	id: "composer-text",
	rows: "1",
	"aria-label": "Message",
	maxlength: "2000",
});
const picker = element("input.unseen", {
	type: "file",
	multiple: true,

	tabindex: "-1",
	"aria-label": "Files for the message",
});
const files = element("ul.attached", { "aria-label": "Files to send" });
const attach = iconButton("plus", "Attach files", () => picker.click());
const bar = element("div.bar", attach, picker, text);
const problem = element("p.problem", { role: "alert" });
const list = new SuggestionList(text, "Commands", drawCommand, (command) => openForm(command, ""));
const drop = element("div.drop", { hidden: true }, element("p", "Drop to attach"));

/** @type {CommandForm | null} */
let form = null;
/** The files of a plain message. @type {File[]} */
let attached = [];
/** The commands of this member in this channel, once they are needed. @type {Command[]} */
let commands = [];
/** The member and the channel that the composer is for. */
let owner = "";
/** The previous command, for the up arrow. @type {{ command: Command, options: object } | null} */
let last = null;

/** @param {HTMLElement} box */
export function mountComposer(box) {
	box.append(list.node, files, problem, bar);
	document.body.append(drop);
	text.addEventListener("input", onInput);
	text.addEventListener("keydown", onKey);
	addEventListener("keydown", onGlobalKey);
	picker.addEventListener("change", () => {
		addFiles([...(picker.files ?? [])]);
		picker.value = "";
	});
	on("ready", refresh);
	on("channel", refresh);
	on("command", async ({ name, run }) => {
		text.value = `/${name}`;
		await enterCommand();
		if (run) await form?.send();
	});
	addEventListener("paste", (event) => takeFiles(event, event.clipboardData));
	for (const kind of /** @type {const} */ (["dragenter", "dragover"])) {
		addEventListener(kind, (event) => {
			if (!hasFiles(event)) return;
			event.preventDefault();
			drop.hidden = false;
		});
	}
	addEventListener("dragleave", (event) => {
		if (event.relatedTarget === null) drop.hidden = true;
	});
	addEventListener("drop", (event) => {
		if (hasFiles(event)) takeFiles(event, event.dataTransfer);
		drop.hidden = true;
	});
}

/** @param {DragEvent} event */
function hasFiles(event) {
	return event.dataTransfer?.types.includes("Files") ?? false;
}

function refresh() {
	const channel = getChannel();
	if (owner !== `${state.me} ${state.channelId}`) closeForm();
	owner = `${state.me} ${state.channelId}`;
	commands = []; // they depend on the member's permissions and language
	const readOnly = Boolean(channel?.guild_id) && channel && !hasPermission(channel, SEND_MESSAGES);
	text.disabled = !channel || Boolean(readOnly);
	attach.disabled = text.disabled;
	text.placeholder = placeholder(channel, Boolean(readOnly));
	list.close();
}

/** @param {Channel | undefined} channel @param {boolean} readOnly */
function placeholder(channel, readOnly) {
	if (!channel) return "";
	if (readOnly) return "You do not have permission to send messages in this channel";
	return `Message ${channel.guild_id ? "#" : ""}${channelName(channel)} · / for commands`;
}

// Commands

/** The commands of the current channel, with each subcommand by itself. */
async function fetchCommands() {
	/** @type {RegisteredCommand[]} */
	const registered = await get(`/channels/${state.channelId}/commands`, { member: state.me });
	return registered
		.filter((command) => command.type === CHAT_INPUT)
		.flatMap((command) => subcommandsOf(command, "", ""));
}

/**
 * @param {RegisteredCommand | CommandOption} command
 * @param {string} path
 * @param {string} shown
 * @returns {Command[]}
 */
function subcommandsOf(command, path, shown) {
	const here = {
		path: `${path}${command.original_name ?? command.name}`,
		shown: `${shown}${command.name}`,
		description: command.description,
		options: command.options ?? [],
	};
	const inner = here.options.filter(
		(option) => option.type === SUBCOMMAND || option.type === SUBCOMMAND_GROUP,
	);
	return inner.length
		? inner.flatMap((each) => subcommandsOf(each, `${here.path} `, `${here.shown} `))
		: [here];
}

function drawCommand(command) {
	const wanted = command.options
		.filter((option) => option.required)
		.map((option) => element("span.chip", option.name));
	return [
		element("span.command-name", `/${command.shown}`, " ", wanted),
		element("small", command.description),
	];
}

/** Makes the message box as high as its text. */
function fitHeight() {
	text.style.height = "auto";
	text.style.height = `${text.scrollHeight}px`;
}

async function onInput() {
	fitHeight();
	problem.replaceChildren();
	if (text.value.length === 1 || !commands.length) {
		if (text.value.startsWith("/")) commands = await fetchCommands().catch(() => []);
	}
	if (!text.value.startsWith("/")) {
		list.close();
		return;
	}
	const typed = text.value.slice(1).toLowerCase();
	const whole = commandIn(typed);
	if (whole && typed.length > whole.shown.length) {
		openTyped(whole);
		return;
	}
	const first = commands.filter((each) => each.shown.startsWith(typed));
	const others = commands.filter((each) => !first.includes(each) && each.shown.includes(typed));
	list.show([...first, ...others]);
	announce(list.items.length ? `${list.items.length} commands` : "No such command");
}

/** The command whose whole name a text starts with. @param {string} typed */
function commandIn(typed) {
	return commands.find((each) => `${typed} `.startsWith(`${each.shown} `));
}

/** Opens a command with the options that were typed after its name. @param {Command} command */
function openTyped(command) {
	openForm(command, text.value.slice(command.shown.length + 2));
}

/** Opens the command in the message box, or says that it does not exist. */
async function enterCommand() {
	commands = await fetchCommands().catch(() => []);
	const command = commandIn(text.value.slice(1).toLowerCase());
	if (command) {
		openTyped(command);
		return;
	}
	const name = text.value.split(/\s/)[0];
	const hint = state.connected ? "" : " The bot is not connected yet.";
	problem.replaceChildren(`There is no command ${name} here.${hint}`);
}

/**
 * Opens a command. `rest` is what was typed after its name: a value, or `name: value …`.
 * @param {Command} command
 * @param {string} rest
 */
function openForm(command, rest) {
	closeForm();
	form = new CommandForm(command, (sent, options) => {
		if (sent) last = { command, options: options ?? {} };
		closeForm();
		text.focus();
	});
	bar.hidden = true;
	byId("composer").append(form.node);
	form.fill(readOptions(command, rest.trim()));
	for (const file of attached.splice(0)) form.take(file);
	drawFiles();
	form.focus();
}

/** @param {Command} command @param {string} rest @returns {Record<string, string>} */
function readOptions(command, rest) {
	const names = command.options.map((option) => option.name);
	const marks = [...rest.matchAll(/(?:^|\s)([\p{L}\p{N}_-]+):(?=\s|$)\s*/gu)].filter((mark) =>
		names.includes(mark[1]),
	);
	if (!marks.length)
		return rest && command.options[0] ? { [originalName(command.options[0])]: rest } : {};
	const values = marks.map((mark, index) => [
		mark[1],
		rest.slice(mark.index + mark[0].length, marks[index + 1]?.index).trim(),
	]);
	return Object.fromEntries(values.filter(([, value]) => value !== ""));
}

function closeForm() {
	form?.node.remove();
	form = null;
	bar.hidden = false;
	text.value = "";
	fitHeight();
	list.close();
}

// Messages and files

/** Escape cancels the command, wherever the focus is. @param {KeyboardEvent} event */
function onGlobalKey(event) {
	if (event.key !== "Escape" || event.defaultPrevented || !form) return;
	if (document.querySelector("dialog[open]")) return;
	event.preventDefault();
	form.done(false);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
	if (list.key(event)) return;
	if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
		event.preventDefault();
		if (text.value.startsWith("/") && text.value.length > 1) enterCommand();
		else sendMessage();
	} else if (event.key === "ArrowUp" && text.value === "" && last) {
		event.preventDefault();
		openForm(last.command, "");
		form?.fill(last.options);
		form?.focus();
	}
}

async function sendMessage() {
	const content = text.value.trim();
	if (!content && !attached.length) return;
	const sent = attached.splice(0);
	text.value = "";
	fitHeight();
	drawFiles();
	try {
		const numbers = [];
		for (const file of sent) numbers.push((await upload(file)).id);
		await post(`/channels/${state.channelId}/messages`, {
			member: state.me,
			content,
			files: numbers,
		});
	} catch (error) {
		text.value = content;
		attached = sent;
		drawFiles();
		addNote(`${errorText(error)} Your message was not sent.`);
	}
}

function takeFiles(event, data) {
	const found = [...(data?.files ?? [])];
	if (!found.length || document.querySelector("dialog[open]")) return;
	event.preventDefault();
	addFiles(found);
}

/** @param {File[]} found */
function addFiles(found) {
	const open = form;
	const left = open ? found.filter((file) => !open.take(file)) : found;
	if (open && left.length) announce("The command takes no more files.");
	if (!open) attached.push(...left);
	drawFiles();
}

function drawFiles() {
	files.hidden = attached.length === 0;
	files.replaceChildren(
		...attached.map((file, index) =>
			element(
				"li",
				preview(file),
				element("span", file.name || "pasted image"),
				element("small", sizeText(file.size)),
				iconButton("close", `Remove ${file.name}`, () => {
					attached.splice(index, 1);
					drawFiles();
					text.focus();
				}),
			),
		),
	);
}
