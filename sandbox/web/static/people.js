// Members at the right: press one to be them, and see what they may do.

import { avatar, el, nameOf, redraw } from "./dom.js";
import { openUserMenu } from "./menu.js";
import { become, channel, guildOf, on, state } from "./state.js";

const MANAGE_MESSAGES = 1n << 13n, ADMINISTRATOR = 1n << 3n;

export function showPeople(box) {
  const draw = () => redraw(box, groups());
  on("everything", draw);
  on("place", draw);
  on("presence", draw);
}

function groups() {
  const guild = guildOf(channel());
  if (!guild) return [group("In this conversation", [state.user, state.bot].filter(Boolean))];
  const people = guild.members.map((member) => ({ ...member, power: powerOf(guild, member) }));
  const those = (wanted) => people.filter((member) => member.power === wanted).map((member) => member.user);
  return [
    el("p", { class: "hint" }, "Press somebody to be them."),
    group("Owner", those("owner")),
    group("Moderators", those("moderator")),
    group("Members", those("member")),
    group("Apps", those("app")),
  ];
}

function powerOf(guild, { user, roles }) {
  if (user.bot) return "app";
  if (user.id === guild.owner_id) return "owner";
  const bits = guild.roles.filter((role) => roles.includes(role.id)).reduce((sum, role) => sum | BigInt(role.permissions), 0n);
  return bits & (MANAGE_MESSAGES | ADMINISTRATOR) ? "moderator" : "member";
}

function group(title, people) {
  return people.length > 0 && el("section", {}, el("h3", {}, title), el("ul", {}, people.map(person)));
}

function person(user) {
  const inside = [avatar(user), el("span", { class: "name" }, nameOf(user))];
  if (user.bot) {
    inside[1].append(el("small", {}, state.connected ? "connected" : "not connected"));
    return el("li", { class: `person${state.connected ? "" : " away"}` }, inside, el("span", { class: "app" }, "APP"));
  }
  const me = user.id === state.me;
  const button = el("button", { type: "button", class: "person", "data-key": user.id, "aria-pressed": String(me), onclick: () => !me && become(user.id) }, inside, me && el("small", {}, "you"));
  button.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    openUserMenu(user, button, event.clientX ? event : null);
  });
  return el("li", {}, button);
}
