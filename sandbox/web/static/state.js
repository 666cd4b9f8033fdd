// What the current member can see, and events for its changes.

import { listen } from "./api.js";

const target = new EventTarget();

export const state = {
	/** The id of the current member. @type {Snowflake} */
	me: "",
	/** @type {User | null} */
	user: null,
	/** @type {User | null} */
	bot: null,
	locale: "en-US",
	acceptsDirectMessages: true,
	installed: false,
	/** Whether the bot is connected. */
	connected: false,
	/** Why the server cannot be reached. @type {string | null} */
	lost: null,
	/** @type {Guild[]} */
	guilds: [],
	/** @type {Map<Snowflake, Channel>} */
	channels: new Map(),
	/** The id of the current channel. @type {Snowflake | null} */
	channelId: null,
	/** The ids of channels with unread messages. @type {Set<Snowflake>} */
	unread: new Set(),
};

/**
 * Calls `listener(detail)` at each event of this kind.
 * @template {keyof Events} K
 * @param {K} kind
 * @param {(detail: Events[K]) => void} listener
 */
export function on(kind, listener) {
	target.addEventListener(kind, (event) => {
		listener(/** @type {CustomEvent<Events[K]>} */ (event).detail);
	});
}

/** @template {keyof Events} K @param {K} kind @param {Events[K]} [detail] */
export function emit(kind, detail) {
	target.dispatchEvent(new CustomEvent(kind, { detail }));
}

let stop = () => {};
/** @type {number | undefined} */
let reloadTimer;

/** Acts as this member from now on. @param {Snowflake} me */
export function become(me) {
	if (me !== state.me) state.unread.clear();
	state.me = me;
	stop();
	stop = listen("/events", { member: me }, onEvent, (lost, why) => {
		state.lost = lost ? why || "The local Discord does not respond. Trying again…" : null;
		emit("presence");
	});
}

/** @param {Snowflake} id */
export function openChannel(id) {
	state.channelId = id;
	state.unread.delete(id);
	emit("channel");
}

/** The channel with this id; without one, the current channel. @param {Snowflake | null} [id] */
export function getChannel(id = state.channelId) {
	return id === null ? undefined : state.channels.get(id);
}

/** @param {{ guild_id?: Snowflake } | undefined} channel */
export function guildOf(channel) {
	return state.guilds.find((guild) => guild.id === channel?.guild_id);
}

/** @param {Snowflake} channelId @param {Snowflake | undefined} id */
export function findMessage(channelId, id) {
	return id === undefined ? undefined : getChannel(channelId)?.messages.get(id);
}

/** A user by id, from the servers that the member is in. @param {Snowflake} id */
export function findUser(id) {
	if (state.bot?.id === id) return state.bot;
	if (state.user?.id === id) return state.user;
	for (const guild of state.guilds) {
		const member = guild.members.find((each) => each.user.id === id);
		if (member) return member.user;
	}
	return null;
}

/** @param {{ name?: string }} channel */
export function channelName(channel) {
	return channel.name ?? "Imagine";
}

/**
 * Whether the current member has a permission in a channel.
 * @param {Channel} channel
 * @param {bigint} permission
 */
export function hasPermission(channel, permission) {
	return (BigInt(channel.permissions) & permission) !== 0n;
}

/** @param {string} name @param {any} data */
function onEvent(name, data) {
	if (name === "READY") applyReady(data);
	else if (name === "PRESENCE") {
		state.connected = data.connected;
		emit("presence");
	} else if (name.startsWith("MESSAGE_REACTION_"))
		emit("reaction", { data, added: name.endsWith("ADD") });
	else if (name.startsWith("MESSAGE_POLL_")) emit("vote", { data, added: name.endsWith("ADD") });
	else if (name.startsWith("MESSAGE_")) onMessageEvent(name, data);
	else if (name !== "INTERACTION_FAILURE") reload();
}

/** @param {string} name @param {Message} data */
function onMessageEvent(name, data) {
	const channel = getChannel(data.channel_id);
	if (!channel || (data.poll && name === "MESSAGE_UPDATE")) {
		reload(); // direct messages that have just been opened, or a poll with the member's own vote
		return;
	}
	if (name === "MESSAGE_DELETE") channel.messages.delete(data.id);
	else {
		const { reactions } = channel.messages.get(data.id) ?? data; // these have their own events
		channel.messages.set(data.id, { ...data, reactions });
	}
	const elsewhere = channel.id !== state.channelId;
	if (name === "MESSAGE_CREATE" && elsewhere && data.author.id !== state.me) {
		state.unread.add(channel.id);
		emit("unread");
	}
	emit("message", { name, id: data.id, channel: channel.id });
}

/** Requests everything again, once for several changes to members or channels. */
export function reload() {
	clearTimeout(reloadTimer);
	reloadTimer = setTimeout(() => become(state.me), 60);
}

/** @param {ReadyPayload} ready */
function applyReady(ready) {
	state.user = ready.user;
	state.bot = ready.bot;
	state.locale = ready.locale;
	state.acceptsDirectMessages = ready.accepts_direct_messages;
	state.installed = ready.installed;
	state.guilds = ready.guilds;
	const channels = [...ready.guilds.flatMap((guild) => guild.channels), ...ready.direct];
	state.channels = new Map(
		channels.map((channel) => {
			const messages = new Map(channel.messages.map((message) => [message.id, message]));
			return [channel.id, { ...channel, messages }];
		}),
	);
	if (!getChannel()) state.channelId = ready.guilds[0]?.channels[0]?.id ?? null;
	emit("ready");
}
