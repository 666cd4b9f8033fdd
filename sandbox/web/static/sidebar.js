// Servers and channels on the left, and the current member.

import { post } from "./api.js";
import { avatar, byId, element, icon, nameOf, redraw } from "./dom.js";
import { channelName, emit, getChannel, guildOf, on, openChannel, reload, state } from "./state.js";

const LANGUAGES = {
	"en-US": "English",
	de: "Deutsch",
	"es-ES": "Español",
	fr: "Français",
	ja: "日本語",
};

export function mountSidebar() {
	for (const kind of /** @type {const} */ (["ready", "channel", "unread"])) on(kind, draw);
	on("view", (wanted) => {
		view = wanted;
		draw();
	});
}

let view = "channel";

function draw() {
	const here = getChannel();
	if (!here) return;
	const guild = guildOf(here);
	redraw(byId("servers"), servers(guild));
	byId("server-name").replaceChildren(element("h2", guild ? guild.name : "Direct messages"));
	const channels = guild ? guild.channels : directChannels();
	redraw(byId("channels"), [element("ul", galleryEntry(), channels.map(channelEntry))]);
	redraw(byId("you"), you());
}

function directChannels() {
	return [...state.channels.values()].filter((channel) => !channel.guild_id);
}

function servers(current) {
	const home = element(
		"button.server",
		{
			title: "Direct messages",
			"aria-label": "Direct messages",
			"aria-current": current ? null : "true",
			onclick: openDirect,
		},
		icon("at"),
		dot(directChannels()),
	);
	const others = state.guilds.map((guild) => {
		const words = guild.name.split(/\s+/, 2);
		const name = `${guild.name}${hasUnread(guild.channels) ? ", unread" : ""}`;
		return element(
			"button.server",
			{
				"data-key": guild.id,
				title: guild.name,
				"aria-label": name,
				"aria-current": guild === current ? "true" : null,
				onclick: () => openGuild(guild),
			},
			words.map((word) => word[0]),
			dot(guild.channels),
		);
	});
	return [home, element("hr"), ...others];
}

/** @param {{ id: Snowflake }[]} channels */
function hasUnread(channels) {
	return channels.some((channel) => state.unread.has(channel.id));
}

/** @param {{ id: Snowflake }[]} channels */
function dot(channels) {
	return hasUnread(channels) && element("span.unread-dot");
}

/** @param {Guild} guild */
function openGuild(guild) {
	const first = guild.channels.find((each) => state.unread.has(each.id)) ?? guild.channels[0];
	if (first) goTo(first.id);
}

async function openDirect() {
	const opened = await post("/members/direct", { member: state.me });
	if (state.channels.has(opened.id)) {
		goTo(opened.id);
		return;
	}
	emit("view", "channel");
	state.channelId = opened.id;
	reload();
}

/** @param {Snowflake} id */
function goTo(id) {
	emit("view", "channel");
	openChannel(id);
	document.body.classList.remove("places-open");
}

function galleryEntry() {
	const open = () => {
		emit("view", "gallery");
		document.body.classList.remove("places-open");
	};
	return element(
		"li",
		element(
			"button.channel-entry",
			{ "data-key": "gallery", "aria-current": view === "gallery" ? "page" : null, onclick: open },
			icon("picture"),
			"Gallery",
		),
	);
}

/** @param {Channel | ChannelPayload} each */
function channelEntry(each) {
	const current = view === "channel" && each.id === state.channelId;
	const unread = state.unread.has(each.id);
	const sign = !each.name ? "at" : !each.guild_id ? "people" : each.parent_id ? "thread" : "hash";
	const classes = `channel-entry${unread ? " unread" : ""}${each.parent_id ? " thread" : ""}`;
	return element(
		"li",
		element(
			"button",
			{
				class: classes,
				"data-key": each.id,
				"aria-current": current ? "page" : null,
				onclick: () => goTo(each.id),
			},
			icon(sign),
			channelName(each),
			each.nsfw && element("small", "18+"),
			unread && element("span.unseen", "unread"),
		),
	);
}

/** The current member and their settings. */
function you() {
	const { user } = state;
	if (!user) return [];
	const set = (settings) =>
		post("/members/settings", { member: state.me, ...settings }).then(reload);
	const options = Object.entries(LANGUAGES).map(([code, name]) =>
		element("option", { value: code, selected: code === state.locale }, name),
	);
	const language = element(
		"select",
		{ "aria-label": "Your language in Discord", onchange: () => set({ locale: language.value }) },
		options,
	);
	const box = (checked, setting, text) => {
		const onchange = () => set({ [setting]: input.checked });
		const input = element("input", { type: "checkbox", checked, onchange });
		return element("label", input, ` ${text}`);
	};
	return [
		element(
			"div.me",
			avatar(user),
			element("div", element("b", nameOf(user)), element("small", "This is you")),
		),
		element(
			"div.settings",
			language,
			box(state.acceptsDirectMessages, "direct_messages", "accepts direct messages"),
			box(state.installed, "installed", "has added Imagine"),
		),
	];
}
