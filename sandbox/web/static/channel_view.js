// The messages of the channel that is looked at, kept at its end while one reads there.

import { announce, el, icon, nameOf } from "./dom.js";
import { isEphemeral, newMessage, patchMessage } from "./message.js";
import { channel, channelName, lookAt, on, state, tell } from "./state.js";

const NEAR_END = 60; // pixels from the end at which one still reads there

const list = el("ol", { class: "messages" });
const newer = el("button", { type: "button", class: "newer first", hidden: true, onclick: toEnd }, icon("down"), "Newer messages");
const empty = el("div", { class: "beginning" });
const log = el("div", { class: "log", role: "log", "aria-live": "off", tabindex: "0" }, empty, list);
const dismissed = new Set();

/** Shows the channel, and what changes in it. */
export function showChannel(box) {
  box.append(log, newer);
  on("everything", () => {
    draw();
    if (!wanted || !channel(wanted.channel)) return;
    jump(wanted);
    wanted = null;
  });
  on("place", () => (list.replaceChildren(), draw(), toEnd()));
  on("message", change);
  on("note", addNote);
  on("note-gone", (note) => note.node?.remove());
  on("dismiss", dismiss);
  on("jump", jump);
  list.addEventListener("keydown", walk);
  log.addEventListener("scroll", scrolled);
  new ResizeObserver(keepAtEnd).observe(list);
  new ResizeObserver(keepAtEnd).observe(log);
}

let reading = true; // whether the end was in sight before something grew
let top = 0;

/** Only who scrolls up stops reading at the end; that something has grown is no reason. */
function scrolled() {
  if (log.scrollTop < top || atEnd()) reading = atEnd();
  top = log.scrollTop;
  if (reading) newer.hidden = true;
}

function keepAtEnd() {
  if (reading) toEnd();
}

function atEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
}

function toEnd() {
  log.scrollTop = log.scrollHeight;
  reading = true;
  newer.hidden = true;
}

function draw() {
  const place = channel();
  if (!place) return;
  log.setAttribute("aria-label", `Messages in ${channelName(place)}`);
  empty.replaceChildren(...beginning(place));
  const shown = visible(place);
  const ids = new Set(shown.map((message) => message.id));
  for (const node of [...list.children]) if (!ids.has(node.dataset.message)) node.remove();
  shown.forEach((message, index) => put(message, shown[index - 1]));
  rove();
}

function visible(place) {
  return [...place.messages.values()].filter((message) => !dismissed.has(message.id));
}

function put(message, before) {
  let node = document.getElementById(`message-${message.id}`);
  if (!node) {
    node = newMessage(message);
    const after = before && document.getElementById(`message-${before.id}`);
    if (after) after.after(node);
    else list.prepend(node);
  }
  patchMessage(node, message, before);
  return node;
}

function change({ name, id, channel: where }) {
  if (where !== state.place) return;
  const shown = visible(channel());
  const index = shown.findIndex((message) => message.id === id);
  if (index < 0) {
    const gone = document.getElementById(`message-${id}`);
    if (gone?.contains(document.activeElement)) (gone.previousElementSibling ?? log).focus();
    gone?.remove();
  } else {
    const node = put(shown[index], shown[index - 1]);
    node.classList.toggle("fresh", name === "MESSAGE_CREATE");
    if (name === "MESSAGE_CREATE" && !reading) newer.hidden = false;
    say(node, shown[index], name);
  }
  const next = shown[index + 1];
  if (next) put(next, shown[index]);
  rove();
}

/** Tells screen readers of new messages and of titles that change; numbers may pass in silence. */
function say(node, message, name) {
  const title = message.embeds[0]?.title ?? "";
  const text = [title, message.content].filter(Boolean).join(". ");
  const told = title || text;
  if (message.author.id === state.me || !told || node.told === told) return;
  node.told = told;
  announce(`${nameOf(message.author)}${isEphemeral(message) ? ", to you only" : ""}: ${name === "MESSAGE_CREATE" ? text : told}`);
}

function dismiss(id) {
  dismissed.add(id);
  const node = document.getElementById(`message-${id}`);
  const next = node?.nextElementSibling ?? node?.previousElementSibling;
  node?.remove();
  rove();
  (next ?? log).focus();
}

function beginning(place) {
  const name = channelName(place);
  const direct = !place.guild_id;
  return [
    el("h2", {}, direct ? `Your conversation with ${name}` : `Welcome to #${name}`),
    el("p", {}, direct ? "Only the two of you read it. Private pictures and copies come here." : place.topic || "This is the beginning of the channel."),
    el("p", {}, "Type ", el("kbd", {}, "/"), " to see all that the bot can do."),
    el("div", { class: "row" }, opener("Paint a picture", "imagine", "first"), opener("Show me examples", "help", "second")),
  ];
}

function opener(label, command, look) {
  return el("button", { type: "button", class: look, onclick: () => tell("command", command) }, label);
}

/** A line of Discord's own. */
function addNote(note) {
  const close = el("button", { type: "button", class: "link", onclick: () => (note.node.remove(), log.focus()) }, "Dismiss");
  note.node = el(
    "li",
    { class: `message note${note.waiting ? " waiting" : ""}`, tabindex: "-1" },
    el("div", { class: "above" }),
    el("div", { class: "side", "aria-hidden": "true" }, icon(note.waiting ? "send" : "warning")),
    el("div", { class: "body" }, el("p", {}, note.text), !note.waiting && el("small", { class: "only-you" }, icon("eye"), "Only you can see this", close)),
  );
  list.append(note.node);
  if (!note.waiting) announce(note.text);
  toEnd();
}

let wanted = null; // where one wanted to go before it was known here

function jump({ channel: where, message }) {
  if (!channel(where)) return void (wanted = { channel: where, message });
  if (where !== state.place) lookAt(where);
  requestAnimationFrame(() => {
    const node = document.getElementById(`message-${message}`);
    if (!node) return;
    reading = false;
    node.scrollIntoView({ block: "center" });
    node.classList.add("pointed");
    setTimeout(() => node.classList.remove("pointed"), 2000);
    focusOn(node);
  });
}

// One message of the list is in the order of the Tab key; arrows walk from one to the next.

function rove() {
  if (!list.querySelector(":scope > [tabindex='0']")) list.lastElementChild?.setAttribute("tabindex", "0");
}

function focusOn(node) {
  for (const other of list.querySelectorAll(":scope > [tabindex='0']")) other.tabIndex = -1;
  node.tabIndex = 0;
  node.focus();
}

function walk(event) {
  const node = event.target;
  if (node.parentElement !== list) return;
  const next = { ArrowUp: node.previousElementSibling, ArrowDown: node.nextElementSibling, Home: list.firstElementChild, End: list.lastElementChild }[event.key];
  if (!next) return;
  event.preventDefault();
  focusOn(next);
}
