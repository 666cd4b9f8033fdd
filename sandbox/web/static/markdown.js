// Discord's Markdown as nodes. Anything it does not recognise stays as it was written.

import { element, nameOf } from "./dom.js";
import { channelName, emit, findUser, getChannel, guildOf, openChannel, state } from "./state.js";
import { timeNode } from "./times.js";

const JUMP = /^https:\/\/(?:\w+\.)?discord\.com\/channels\/(?:\d+|@me)\/(\d+)(?:\/(\d+))?$/;

/** Each pattern with a function that makes a node or text of a match; null rejects the match. */
/** @type {[RegExp, (match: RegExpExecArray, before: string) => Node | string | null][]} */
const INLINE = [
	[/\\([^\w\s])/y, (match) => match[1]],
	[
		/```(?:[\w+-]+\n)?\n*([\s\S]+?)\n*```/y,
		(match) => element("pre", { tabindex: "0" }, element("code", match[1])),
	],
	[/(`+)([\s\S]*?[^`])\1(?!`)/y, (match) => element("code", match[2].trim() || match[2])],
	[/\|\|([\s\S]+?)\|\|/y, (match) => spoiler(match[1])],
	[/\*\*\*([\s\S]+?)\*\*\*/y, (match) => element("strong", element("em", inline(match[1])))],
	[/\*\*((?:[^*]|\*(?!\*))+?)\*\*(?!\*)/y, (match) => element("strong", inline(match[1]))],
	[/__([\s\S]+?)__(?!_)/y, (match) => element("u", inline(match[1]))],
	[/~~([\s\S]+?)~~/y, (match) => element("s", inline(match[1]))],
	[/\*(?=\S)((?:[^*\n]|\\\*)+?)(?<=\S)\*/y, (match) => element("em", inline(match[1]))],
	[
		/_(?=\S)([^_\n]+?)_(?!\w)/y,
		(match, before) => (/\w/.test(before) ? null : element("em", inline(match[1]))),
	],
	[
		/\[((?:\\.|[^\]\\\n])+)\]\(<?(https?:\/\/[^\s)>]+)>?\)/y,
		(match) => link(match[2], inline(match[1])),
	],
	[/<(https?:\/\/[^\s>]+)>/y, (match) => link(match[1], [match[1]])],
	[/https?:\/\/[^\s<>"]*[^\s<>"'.,:;)\]|*_~`]/y, (match) => link(match[0], [match[0]])],
	[/<@!?(\d{1,20})>/y, (match) => mention(`@${userName(match[1])}`)],
	[/<@&(\d{1,20})>/y, (match) => mention(`@${roleName(match[1])}`)],
	[/<#(\d{1,20})>/y, (match) => channelNode(match[1])],
	[/<\/([-_ \p{L}\p{N}]{1,100}):\d{1,20}>/uy, (match) => mention(`/${match[1]}`)],
	[/<a?:(\w{2,32}):\d{1,20}>/y, (match) => `:${match[1]}:`],
	[/<t:(-?\d{1,13})(?::([tTdDfFR]))?>/y, (match) => timeNode(Number(match[1]), match[2])],
	[/@(everyone|here)\b/y, (match) => mention(match[0])],
];

/** Paragraphs, headings, lists and quotes. @param {string} text @returns {HTMLElement[]} */
export function markdown(text) {
	/** @type {any[]} */
	const blocks = [];
	for (const part of text.split(/(```[\s\S]+?```)/)) {
		if (part.startsWith("```") && part.length > 6) blocks.push(...inline(part));
		else addBlocks(part, blocks);
	}
	return blocks;
}

/** @param {string} text @param {HTMLElement[]} blocks */
function addBlocks(text, blocks) {
	/** @type {string[]} */
	let run = [];
	const flush = () => {
		const joined = run.join("\n").replace(/^\n|\n$/g, "");
		if (joined.trim()) blocks.push(element("p", inline(joined)));
		run = [];
	};
	const all = text.split("\n");
	for (let index = 0; index < all.length; index++) {
		const line = all[index];
		const heading = line.match(/^(#{1,3}|-#) +(.+)/);
		if (heading) {
			flush();
			const small = heading[1] === "-#";
			blocks.push(
				element(
					"p",
					{ class: small ? "subtext" : `heading h${heading[1].length}` },
					inline(heading[2]),
				),
			);
		} else if (/^> /.test(line)) {
			flush();
			const quoted = takeLines(all, index, /^> ?/);
			index += quoted.length - 1;
			blocks.push(element("blockquote", inline(quoted.join("\n"))));
		} else if (/^ *(?:[-*]|\d+\.) +\S/.test(line)) {
			flush();
			const numbered = /^ *\d/.test(line);
			const items = takeLines(all, index, numbered ? /^ *\d+\. +/ : /^ *[-*] +/);
			index += items.length - 1;
			const start = numbered ? (line.match(/\d+/)?.[0] ?? null) : null;
			blocks.push(
				element(
					numbered ? "ol" : "ul",
					{ start },
					items.map((item) => element("li", inline(item))),
				),
			);
		} else run.push(line);
	}
	flush();
}

/**
 * The consecutive lines from `start` that match a prefix, without it.
 * @param {string[]} all
 * @param {number} start
 * @param {RegExp} prefix
 */
function takeLines(all, start, prefix) {
	let end = start;
	while (end < all.length && prefix.test(all[end])) end++;
	return all.slice(start, end).map((line) => line.replace(prefix, ""));
}

/** Text within a block. @param {string} text @returns {(Node | string)[]} */
export function inline(text) {
	/** @type {(Node | string)[]} */
	const nodes = [];
	let plain = "";
	for (let at = 0; at < text.length; ) {
		/** @type {Node | string | null} */
		let made = null;
		for (const [pattern, make] of INLINE) {
			pattern.lastIndex = at;
			const match = pattern.exec(text);
			made = match && make(match, text[at - 1] ?? "");
			if (match === null || made === null) continue;
			at += match[0].length;
			break;
		}
		if (made === null) plain += text[at++];
		else if (typeof made === "string") plain += made;
		else {
			if (plain) nodes.push(plain);
			nodes.push(made);
			plain = "";
		}
	}
	if (plain) nodes.push(plain);
	return nodes;
}

function mention(text) {
	return element("span.mention", text);
}

function roleName(id) {
	const roles = state.guilds.flatMap((guild) => guild.roles);
	return roles.find((role) => role.id === id)?.name ?? "unknown-role";
}

/** @param {Snowflake} id */
function userName(id) {
	const user = findUser(id);
	return user ? nameOf(user) : "unknown-user";
}

/** @param {Snowflake} id */
function channelNode(id) {
	const known = getChannel(id);
	if (!known) return mention("#unknown");
	return element("button.mention", { onclick: () => openChannel(id) }, `#${channelName(known)}`);
}

/**
 * A link. One to a Discord message goes there within this page.
 * @param {string} address
 * @param {(Node | string)[]} words
 */
function link(address, words) {
	const [, id, message] = address.match(JUMP) ?? [];
	if (id) {
		const here = words.length === 1 && words[0] === address;
		const shown = here ? [targetName(id, message)] : words;
		return element(
			"button",
			{ class: here ? "mention" : "link", onclick: () => emit("jump", { channel: id, message }) },
			shown,
		);
	}
	return element("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, words);
}

function targetName(id, message) {
	const known = getChannel(id);
	if (!known) return "Go there"; // it may have just been opened
	const guild = guildOf(known);
	return `${guild ? `${guild.name} › #` : ""}${channelName(known)}${message ? " › message" : ""}`;
}

/** @param {string} text */
function spoiler(text) {
	const inside = element("span", { "aria-hidden": "true" }, inline(text));
	const node = element("button.spoiler", { "aria-label": "Spoiler, click to show" }, inside);
	node.addEventListener("click", () => node.replaceWith(element("span.revealed", inline(text))));
	return node;
}
