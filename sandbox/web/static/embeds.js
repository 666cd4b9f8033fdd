// The framed part of a message: title, text, fields, a picture, a footer.

import { el } from "./dom.js";
import { markdown, inline } from "./markdown.js";
import { changePicture, pictureNode } from "./pictures.js";
import { postedNode } from "./times.js";

/** Brings the embeds of a message up to date; pictures change in place. */
export function patchEmbeds(box, embeds) {
  while (box.children.length > embeds.length) box.lastElementChild.remove();
  embeds.forEach((embed, index) => {
    const node = box.children[index] ?? box.appendChild(newEmbed());
    patchEmbed(node, embed);
  });
}

function newEmbed() {
  return el("div", { class: "embed" }, el("div", { class: "embed-text" }), el("div", { class: "embed-picture" }), el("div", { class: "embed-foot" }));
}

function patchEmbed(node, embed) {
  const [text, picture, foot] = node.children;
  const colour = embed.color ?? null;
  node.style.setProperty("--edge", colour === null ? "var(--line)" : `#${colour.toString(16).padStart(6, "0")}`);
  patch(text, [embed.author, embed.title, embed.url, embed.description, embed.fields], () => body(embed));
  if (!isShown(embed.image)) picture.replaceChildren();
  else if (picture.firstElementChild) changePicture(picture.firstElementChild, embed.image);
  else picture.append(pictureNode(embed.image));
  patch(foot, [embed.footer, embed.timestamp], () => footer(embed));
}

/** Makes the content of `node` anew only if what it is made of has changed. */
export function patch(node, made, build) {
  const said = JSON.stringify(made);
  if (node.made === said) return;
  node.made = said;
  node.replaceChildren(...build().filter(Boolean));
}

/** Pictures of other servers are not fetched: nothing leaves this machine. */
function isShown(media) {
  return Boolean(media) && media.url.startsWith(location.origin);
}

function body(embed) {
  const title = embed.title && el("p", { class: "embed-title" }, inline(embed.title));
  const fields = embed.fields?.length && el("dl", { class: "fields" }, embed.fields.map(field));
  return [
    isShown(embed.thumbnail) && el("div", { class: "thumbnail" }, pictureNode(embed.thumbnail)),
    embed.author && el("p", { class: "embed-author" }, embed.author.name),
    title,
    embed.description && el("div", { class: "text" }, markdown(embed.description)),
    fields,
  ];
}

function field(each) {
  return el("div", { class: each.inline ? "inline" : "" }, el("dt", {}, inline(each.name)), el("dd", { class: "text" }, markdown(each.value)));
}

function footer(embed) {
  const parts = [embed.footer?.text];
  if (embed.timestamp) parts.push(postedNode(embed.timestamp));
  const shown = parts.filter(Boolean).flatMap((part, index) => (index ? [" · ", part] : [part]));
  return shown.length ? [el("small", {}, shown)] : [];
}
