// Servers and channels at the left, and whoever one is at the moment.

import { post } from "./api.js";
import { avatar, el, icon, nameOf, redraw } from "./dom.js";
import { channel, channelName, guildOf, lookAt, on, startAnew, state, tell } from "./state.js";

const LANGUAGES = { "en-US": "English", de: "Deutsch", "es-ES": "Español", fr: "Français", ja: "日本語" };

const part = (id) => document.getElementById(id);

export function showPlaces() {
  for (const kind of ["everything", "place", "unread", "view"]) on(kind, draw);
}

let view = "channel";
on("view", (wanted) => (view = wanted));

function draw() {
  const here = channel();
  if (!here) return;
  const guild = guildOf(here);
  redraw(part("servers"), servers(guild));
  part("server-name").replaceChildren(el("h2", {}, guild ? guild.name : "Direct messages"));
  const channels = guild ? guild.channels : direct();
  redraw(part("channels"), [el("ul", {}, galleryEntry(), channels.map(channelEntry))]);
  redraw(part("you"), you());
}

const direct = () => [...state.channels.values()].filter((each) => !each.guild_id);

function servers(current) {
  const home = el("button", { type: "button", class: "server", title: "Direct messages", "aria-label": "Direct messages", "aria-current": current ? null : "true", onclick: openDirect }, icon("at"), dot(direct()));
  const others = state.guilds.map((guild) => {
    const initials = guild.name.split(/\s+/).map((word) => word[0]).join("").slice(0, 2);
    const name = `${guild.name}${guild.channels.some((each) => state.unread.has(each.id)) ? ", unread" : ""}`;
    return el("button", { type: "button", class: "server", "data-key": guild.id, title: guild.name, "aria-label": name, "aria-current": guild === current ? "true" : null, onclick: () => enter(guild) }, initials, dot(guild.channels));
  });
  return [home, el("hr"), ...others];
}

function dot(channels) {
  return channels.some((each) => state.unread.has(each.id)) && el("span", { class: "unread-dot" });
}

function enter(guild) {
  const known = guild.channels.find((each) => state.unread.has(each.id)) ?? guild.channels[0];
  if (known) go(known.id);
}

async function openDirect() {
  const opened = await post("/members/direct", { member: state.me });
  if (state.channels.has(opened.id)) return go(opened.id);
  tell("view", "channel");
  state.place = opened.id;
  startAnew();
}

function go(id) {
  tell("view", "channel");
  lookAt(id);
  document.body.classList.remove("places-open");
}

function galleryEntry() {
  const open = () => {
    tell("view", "gallery");
    document.body.classList.remove("places-open");
  };
  return el("li", {}, el("button", { type: "button", class: "place", "data-key": "gallery", "aria-current": view === "gallery" ? "page" : null, onclick: open }, icon("picture"), "Gallery"));
}

function channelEntry(each) {
  const current = view === "channel" && each.id === state.place;
  const unread = state.unread.has(each.id);
  const sign = !each.guild_id ? "at" : each.parent_id ? "thread" : "hash";
  const classes = `place${unread ? " unread" : ""}${each.parent_id ? " thread" : ""}`;
  return el(
    "li",
    {},
    el("button", { type: "button", class: classes, "data-key": each.id, "aria-current": current ? "page" : null, onclick: () => go(each.id) }, icon(sign), channelName(each), each.nsfw && el("small", {}, "18+"), unread && el("span", { class: "unseen" }, "unread")),
  );
}

function you() {
  const set = (settings) => post("/members/settings", { member: state.me, ...settings }).then(startAnew);
  const options = Object.entries(LANGUAGES).map(([code, name]) => el("option", { value: code, selected: code === state.locale }, name));
  const language = el("select", { "aria-label": "Your language in Discord", onchange: () => set({ locale: language.value }) }, options);
  const open = el("input", { type: "checkbox", checked: state.takesDirect, onchange: () => set({ direct_messages: open.checked }) });
  return [
    el("div", { class: "me" }, avatar(state.user), el("div", {}, el("b", {}, nameOf(state.user)), el("small", {}, "This is you"))),
    el("div", { class: "settings" }, language, el("label", {}, open, " takes direct messages")),
  ];
}
