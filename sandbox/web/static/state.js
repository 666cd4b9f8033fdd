// What the member sees of Discord now, and who is to be told when it changes.

import { listen } from "./api.js";

const changes = new EventTarget();

export const state = {
  me: null, // the member's id
  user: null,
  bot: null,
  locale: "en-US",
  takesDirect: true,
  connected: false,
  lost: null, // why nothing is heard from the server
  guilds: [],
  channels: new Map(), // by id: Discord's channel, with `messages` by id
  place: null, // the id of the channel that is looked at
  unread: new Set(),
};

/** Calls `then(detail)` whenever `kind` changes: everything, place, message, presence, unread. */
export function on(kind, then) {
  changes.addEventListener(kind, (event) => then(event.detail));
}

export function tell(kind, detail) {
  changes.dispatchEvent(new CustomEvent(kind, { detail }));
}

let stop = () => {};
let again = 0;

/** Looks through the eyes of a member from now on. */
export function become(me) {
  if (me !== state.me) state.unread.clear();
  state.me = me;
  stop();
  stop = listen("/events", { member: me }, hear, (lost, why) => {
    state.lost = lost ? why || "The local Discord does not answer. Trying again…" : null;
    tell("presence");
  });
}

export function lookAt(place) {
  state.place = place;
  state.unread.delete(place);
  tell("place");
}

export const channel = (id = state.place) => state.channels.get(id);
export const guildOf = (place) => state.guilds.find((guild) => guild.id === place?.guild_id);
export const message = (place, id) => channel(place)?.messages.get(id);

/** Somebody by id, from the servers and messages that are known. */
export function user(id) {
  if (state.bot?.id === id) return state.bot;
  if (state.user?.id === id) return state.user;
  for (const guild of state.guilds) {
    const member = guild.members.find((each) => each.user.id === id);
    if (member) return member.user;
  }
  return null;
}

export function channelName(place) {
  return place.guild_id ? place.name : "Imagine";
}

export function may(place, bit) {
  return place ? (BigInt(place.permissions) & (1n << BigInt(bit))) !== 0n : false;
}

function hear(name, data) {
  if (name === "READY") return takeAll(data);
  if (name === "PRESENCE") {
    state.connected = data.connected;
    return tell("presence");
  }
  if (name === "INTERACTION_FAILURE") return;
  if (!name.startsWith("MESSAGE_")) return startAnew();
  const place = channel(data.channel_id);
  if (!place) return startAnew(); // a conversation that has just been opened
  if (name === "MESSAGE_DELETE") place.messages.delete(data.id);
  else place.messages.set(data.id, data);
  if (name === "MESSAGE_CREATE" && place.id !== state.place && data.author.id !== state.me) {
    state.unread.add(place.id);
    tell("unread");
  }
  tell("message", { name, id: data.id, channel: place.id });
}

/** People or places have changed: ask for everything again, once for several changes. */
export function startAnew() {
  clearTimeout(again);
  again = setTimeout(() => become(state.me), 60);
}

function takeAll(all) {
  state.user = all.user;
  state.bot = all.bot;
  state.locale = all.locale;
  state.takesDirect = all.accepts_direct_messages;
  state.guilds = all.guilds;
  state.channels = new Map(
    [...all.guilds.flatMap((guild) => guild.channels), ...all.direct].map((each) => [
      each.id,
      { ...each, messages: new Map(each.messages.map((one) => [one.id, one])) },
    ]),
  );
  if (!state.channels.has(state.place)) state.place = all.guilds[0]?.channels[0]?.id ?? null;
  tell("everything");
}
