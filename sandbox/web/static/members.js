// The members on the right. A click acts as that member.

import { avatar, element, nameOf, redraw } from "./dom.js";
import { become, getChannel, guildOf, on, state } from "./state.js";

const ADMINISTRATOR = 1n << 3n;
const MANAGE_MESSAGES = 1n << 13n;

/** @param {HTMLElement} box */
export function mountMembers(box) {
	const draw = () => redraw(box, groups());
	on("ready", draw);
	on("channel", draw);
	on("presence", draw);
}

function groups() {
	const channel = getChannel();
	const guild = guildOf(channel);
	if (!guild) {
		const bot = channel?.name || !state.bot ? [] : [state.bot];
		return [group("In this conversation", [...(channel?.recipients ?? []), ...bot])];
	}
	const withRank = (rank) =>
		guild.members.filter((member) => rankOf(guild, member) === rank).map((member) => member.user);
	return [
		element("p.hint", "Click a member to act as them."),
		group("Owner", withRank("owner")),
		group("Moderators", withRank("moderator")),
		group("Members", withRank("member")),
		group("Apps", withRank("app")),
	];
}

/** @param {Guild} guild @param {GuildMember} member */
function rankOf(guild, { user, roles }) {
	if (user.bot) return "app";
	if (user.id === guild.owner_id) return "owner";
	const bits = guild.roles
		.filter((role) => roles.includes(role.id))
		.reduce((sum, role) => sum | BigInt(role.permissions), 0n);
	return bits & (MANAGE_MESSAGES | ADMINISTRATOR) ? "moderator" : "member";
}

/** @param {string} title @param {User[]} people */
function group(title, people) {
	return (
		people.length > 0 && element("section", element("h3", title), element("ul", people.map(person)))
	);
}

/** @param {User} user */
function person(user) {
	const name = element("span.name", nameOf(user));
	const inside = [avatar(user), name];
	if (user.bot) {
		name.append(element("small", state.connected ? "connected" : "not connected"));
		return element(
			"li",
			{ class: `person${state.connected ? "" : " away"}` },
			inside,
			element("span.app", "APP"),
		);
	}
	const me = user.id === state.me;
	const button = element(
		"button.person",
		{
			"data-key": user.id,
			"aria-pressed": String(me),
			onclick: () => {
				if (!me) become(user.id);
			},
		},
		inside,
		me && element("small", "you"),
	);
	button.addEventListener("contextmenu", (event) => {
		event.preventDefault();
		import("./menu.js").then((menu) =>
			menu.openUserMenu(user, button, event.clientX ? event : null),
		);
	});
	return element("li", button);
}
