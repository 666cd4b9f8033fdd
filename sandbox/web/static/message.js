// One message: who, when, what they said, and what hangs on it. Changed in place, part by part.

import { componentNodes } from "./components.js";
import { avatar, el, icon, iconButton, nameOf } from "./dom.js";
import { patch, patchEmbeds } from "./embeds.js";
import { inline, markdown } from "./markdown.js";
import { openMenu } from "./menu.js";
import { bare, filesNode } from "./pictures.js";
import { message as find, state, tell } from "./state.js";
import { postedNode } from "./times.js";

const EPHEMERAL = 1 << 6, LOADING = 1 << 7;

export const isEphemeral = (message) => (message.flags & EPHEMERAL) !== 0;

/** A node for a message, still empty; `patchMessage` fills it. */
export function newMessage(message) {
  const part = (name) => el("div", { class: name });
  const node = el(
    "li",
    { class: "message", id: `message-${message.id}`, tabindex: "-1", "data-message": message.id },
    part("above"),
    el("div", { class: "side", "aria-hidden": "true" }),
    el("div", { class: "body" }, part("head"), part("content text"), part("embeds"), part("hanging"), part("components"), el("div", { class: "trouble", role: "alert" }), part("below")),
    el("div", { class: "tools" }, iconButton("more", "More for this message", (event) => openMenu(current(node), event.currentTarget), { "aria-haspopup": "menu" })),
  );
  node.addEventListener("contextmenu", (event) => {
    if (event.target.closest("a, input, textarea, select")) return;
    event.preventDefault();
    openMenu(current(node), node, event.clientX ? event : null);
  });
  return node;
}

const current = (node) => find(state.place, node.dataset.message);

/** Brings a node up to date with its message; what has not changed is left alone. */
export function patchMessage(node, message, before) {
  const [above, side, body, tools] = node.children;
  const [head, content, embeds, hanging, components, , below] = body.children;
  const focused = node.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  const compact = follows(message, before);
  node.classList.toggle("compact", compact);
  node.classList.toggle("ephemeral", isEphemeral(message));
  const origin = message.interaction ?? null;
  const reply = repliedTo(message);
  patch(above, [origin, reply, message.type, state.locale], () => aboveNodes(message));
  patch(side, [message.author, compact], () => [compact ? null : avatar(message.author)]);
  patch(head, [message.author, compact, message.timestamp, state.locale], () => (compact ? [] : headNodes(message)));
  patch(content, [message.content, message.edited_timestamp, message.flags & LOADING, state.locale], () => contentNodes(message));
  patchEmbeds(embeds, message.embeds);
  patch(hanging, message.attachments.map((file) => [bare(file.url), file.description]), () => (message.attachments.length ? [filesNode(message.attachments)] : []));
  patch(components, message.components, () => componentNodes(message));
  patch(below, isEphemeral(message), () => (isEphemeral(message) ? [belowNode(message)] : []));
  tools.hidden = Boolean(message.flags & LOADING);
  if (focused && !node.contains(document.activeElement)) {
    (node.querySelector(`[data-id="${CSS.escape(focused)}"]`) ?? node).focus({ preventScroll: true });
  }
}

/** The id of the message that it answers: by a reply, or by a press on one of its buttons. */
function repliedTo(message) {
  const pressed = message.interaction_metadata;
  const opened = pressed?.triggering_interaction_metadata;
  return message.message_reference?.message_id ?? pressed?.interacted_message_id ?? opened?.interacted_message_id ?? null;
}

/** Whether it goes on from the message before, as said in one breath. */
function follows(message, before) {
  if (!before || message.interaction || repliedTo(message)) return false;
  const apart = Date.parse(message.timestamp) - Date.parse(before.timestamp);
  return before.author.id === message.author.id && apart < 7 * 60e3 && isEphemeral(before) === isEphemeral(message);
}

function aboveNodes(message) {
  const used = message.interaction;
  if (used) {
    const command = el("span", { class: "mention" }, message.type === 23 ? used.name : `/${used.name}`);
    return [el("div", { class: "used" }, avatar(used.user, true), el("b", {}, nameOf(used.user)), " used ", command)];
  }
  const to = find(message.channel_id, repliedTo(message));
  if (!to) return [];
  const jump = () => tell("jump", { channel: to.channel_id, message: to.id });
  const said = to.embeds[0]?.title || to.content || "a message";
  return [el("div", { class: "used" }, avatar(to.author, true), el("b", {}, nameOf(to.author)), " ", el("button", { type: "button", class: "link quiet", onclick: jump }, inline(said.slice(0, 80))))];
}

function headNodes(message) {
  return [
    el("span", { class: "name" }, nameOf(message.author)),
    message.author.bot && el("span", { class: "app" }, "APP"),
    postedNode(message.timestamp),
  ];
}

function contentNodes(message) {
  if (message.flags & LOADING) {
    return [el("p", { class: "thinking" }, el("span", { class: "dots", "aria-hidden": "true" }), `${nameOf(message.author)} is thinking…`)];
  }
  const edited = message.edited_timestamp && el("small", { class: "edited" }, "(edited)");
  const nodes = message.content ? markdown(message.content) : [];
  if (edited && nodes.length) nodes.push(edited);
  return nodes;
}

function belowNode(message) {
  const dismiss = () => tell("dismiss", message.id);
  return el("small", { class: "only-you" }, icon("eye"), "Only you can see this", el("button", { type: "button", class: "link", onclick: dismiss }, "Dismiss message"));
}
