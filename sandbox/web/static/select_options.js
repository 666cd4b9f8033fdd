// The choices of select menus and options.

import { nameOf } from "./dom.js";
import { channelName, getChannel, guildOf, state } from "./state.js";

const USER_SELECT = 5;
const ROLE_SELECT = 6;
const MENTIONABLE_SELECT = 7;
const CHANNEL_SELECT = 8;

/** The users, roles and channels of the current server; in direct messages, the member. */
export function guildChoices() {
	const guild = guildOf(getChannel());
	const members = guild?.members ?? (state.user ? [{ user: state.user }] : []);
	const channels = guild?.channels ?? [];
	return {
		users: members.map(({ user }) => ({ label: nameOf(user), value: user.id })),
		roles: (guild?.roles ?? []).map((role) => ({ label: role.name, value: role.id })),
		channels: channels.map((each) => ({ label: `#${channelName(each)}`, value: each.id })),
	};
}

/**
 * A select menu's own options, or the users, roles or channels of the server.
 * @param {Component} part
 * @returns {SelectOption[]}
 */
export function selectOptions(part) {
	const { users, roles, channels } = guildChoices();
	switch (part.type) {
		case USER_SELECT:
			return users;
		case ROLE_SELECT:
			return roles;
		case MENTIONABLE_SELECT:
			return [...users, ...roles];
		case CHANNEL_SELECT:
			return channels;
		default:
			return part.options ?? [];
	}
}
