// The context menu of a message or a member: the bot's entries, and copying. Loaded when the first one opens.

import { errorText, get, post } from "./api.js";
import { textOf } from "./components.js";
import { announce, element, loadStyles } from "./dom.js";
import { forward, forwardedPart } from "./forwards.js";
import { addNote } from "./notes.js";
import { hasReacted, OFFERED, setReaction } from "./reactions.js";
import { state } from "./state.js";

await loadStyles("menu");

const USER_COMMAND = 2;
const MESSAGE_COMMAND = 3;
const EPHEMERAL = 1 << 6;

let closeMenu = () => {};

/**
 * Opens the menu of a message next to `anchor`, or at the pointer.
 * @param {Message | undefined} message
 * @param {Element} anchor
 * @param {MouseEvent | null} [pointer]
 */
export async function openMenu(message, anchor, pointer = null) {
	if (!message) return;
	const ephemeral = (message.flags & EPHEMERAL) !== 0;
	const entries = ephemeral
		? []
		: [...(await apps(MESSAGE_COMMAND, { message: message.id })), ...reactions(message)];
	if (!ephemeral) entries.push(["Forward", () => chooseChannel(message, anchor)]);
	const text = textOf(forwardedPart(message));
	if (text) entries.push(["Copy text", () => copy(text)]);
	entries.push(["Copy message ID", () => copy(message.id)]);
	show(entries, anchor, pointer, "Message");
}

/**
 * Opens the menu of a member.
 * @param {User} user
 * @param {Element} anchor
 * @param {MouseEvent | null} [pointer]
 */
export async function openUserMenu(user, anchor, pointer = null) {
	const entries = await apps(USER_COMMAND, { target: user.id });
	entries.push(["Copy user ID", () => copy(user.id)]);
	show(entries, anchor, pointer, "Member");
}

/** @param {Message} message */
function reactions(message) {
	return OFFERED.map((emoji) => {
		const add = !hasReacted(message, emoji);
		const name = add ? `React with ${emoji}` : `Remove reaction ${emoji}`;
		return [name, () => setReaction(message, emoji, add)];
	});
}

/** A menu of the channels that a message can be forwarded to. @param {Message} message @param {Element} anchor */
function chooseChannel(message, anchor) {
	const others = [...state.channels.values()].filter(
		(each) => each.name && each.id !== message.channel_id,
	);
	const entries = others.map((each) => [`#${each.name}`, () => forward(message, each)]);
	show(entries, anchor, null, "Forward to");
}

async function apps(kind, target) {
	const channel = state.channelId;
	const commands = await get(`/channels/${channel}/commands`, { member: state.me }).catch(() => []);
	return commands
		.filter((command) => command.type === kind)
		.map((command) => [command.name, () => choose(command, channel, target), "app"]);
}

async function choose(command, channel, target) {
	try {
		const name = command.original_name ?? command.name;
		const outcome = await post("/menus/use", {
			member: state.me,
			channel: channel,
			name,
			...target,
		});
		if (outcome.kind === "modal") (await import("./modal.js")).openModal(outcome);
		if (outcome.kind === "failed") addNote(`${command.name}: ${outcome.error}.`);
	} catch (error) {
		addNote(errorText(error));
	}
}

async function copy(text) {
	await navigator.clipboard?.writeText(text).then(
		() => announce("Copied."),
		() => addNote("The browser does not allow this page to copy."),
	);
}

function show(entries, anchor, pointer, label) {
	closeMenu();
	const back = document.activeElement === document.body ? anchor : document.activeElement;
	const items = entries.map(([name, act, group]) => {
		const item = element(
			"button",
			{ role: "menuitem", tabindex: "-1" },
			name,
			group && element("small.app", "APP"),
		);
		item.addEventListener("click", () => {
			closeMenu();
			act();
		});
		return item;
	});
	const menu = element("div.menu", { role: "menu", "aria-label": label }, items);
	menu.addEventListener("keydown", (event) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		const focused = /** @type {HTMLButtonElement} */ (document.activeElement);
		const at = items.indexOf(focused);
		if (step) items[(at + step + items.length) % items.length].focus();
		else if (event.key === "Home") items[0].focus();
		else if (event.key === "End") items.at(-1).focus();
		else if (event.key === "Escape" || event.key === "Tab") closeMenu();
		else return;
		event.preventDefault();
	});
	(anchor.closest("main, aside") ?? document.body).append(menu);
	const box = anchor.getBoundingClientRect();
	const x = pointer?.clientX ?? box.right - menu.offsetWidth;
	const y = pointer?.clientY ?? Math.min(box.bottom, innerHeight / 2) + 4;
	menu.style.left = `${Math.max(8, Math.min(x, innerWidth - menu.offsetWidth - 8))}px`;
	menu.style.top = `${Math.max(8, Math.min(y, innerHeight - menu.offsetHeight - 8))}px`;
	const onPointerDown = (event) => {
		if (!menu.contains(event.target)) closeMenu();
	};
	closeMenu = () => {
		document.removeEventListener("pointerdown", onPointerDown, true);
		menu.remove();
		closeMenu = () => {};
		if (back instanceof HTMLElement) back.focus({ preventScroll: true });
	};
	document.addEventListener("pointerdown", onPointerDown, true);
	items[0].focus();
}
