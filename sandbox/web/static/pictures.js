// Pictures and other files of messages: large, with their alt text, and changed without a jump.

import { el, icon, sizeText } from "./dom.js";

/** A link without its signature, which is another each time: what it leads to. */
export const bare = (url) => url.split("?")[0];

/** A picture as a button that opens it large. `media` is an attachment or an embed's picture. */
export function pictureNode(media) {
  const button = el("button", { type: "button", class: "picture", onclick: () => openLarge(button.shown) });
  fill(button, media, el("img", { src: media.url }));
  return button;
}

/** Shows another picture in its place, once that is there; until then the old one stays. */
export async function changePicture(button, media) {
  const address = bare(media.url);
  if (address === bare(button.shown.url)) return;
  button.wanted = address;
  const next = el("img", { src: media.url });
  await next.decode().catch(() => {});
  if (button.wanted === address) fill(button, media, next);
}

function fill(button, media, img) {
  const alt = media.description || nameIn(media);
  img.alt = alt;
  if (media.width) img.width = media.width;
  if (media.height) img.height = media.height;
  button.shown = media;
  button.wanted = bare(media.url);
  button.setAttribute("aria-label", `Picture: ${alt}. Open it large`);
  button.replaceChildren(img);
  if (media.width) button.style.setProperty("--ratio", `${media.width} / ${media.height}`);
}

function nameIn(media) {
  return media.filename ?? decodeURIComponent(bare(media.url).split("/").at(-1));
}

/** All files that hang on a message. */
export function filesNode(files) {
  const seen = files.filter((file) => isKind(file, "image"));
  const others = files.filter((file) => !seen.includes(file));
  return el(
    "div",
    { class: "files" },
    seen.length > 0 && el("div", { class: `mosaic of${Math.min(seen.length, 4)}` }, seen.map((file) => covered(file, pictureNode(file)))),
    others.map((file) => (isKind(file, "video") ? covered(file, videoNode(file)) : fileNode(file))),
  );
}

const isKind = (file, kind) => (file.content_type ?? "").startsWith(`${kind}/`);

function videoNode(file) {
  const label = file.description || file.filename;
  return el("video", { src: file.url, controls: true, loop: true, muted: true, playsinline: true, preload: "metadata", width: file.width, height: file.height, "aria-label": label });
}

function fileNode(file) {
  return el(
    "a",
    { class: "file", href: file.url, download: file.filename },
    icon("file"),
    el("span", {}, el("span", { class: "file-name" }, file.filename), el("small", {}, sizeText(file.size))),
  );
}

/** What its author marked as a spoiler is hidden until one asks for it. */
function covered(file, node) {
  if (!file.filename.startsWith("SPOILER_")) return node;
  const cover = el("button", { type: "button", class: "cover", "aria-label": "Spoiler: show this picture" }, el("span", {}, "Spoiler"));
  const box = el("div", { class: "covered" }, node, cover);
  node.inert = true;
  cover.addEventListener("click", () => {
    node.inert = false;
    box.replaceWith(node);
    node.focus();
  });
  return box;
}

/** One picture by itself, over everything else. */
export function openLarge(media) {
  const alt = media.description || nameIn(media);
  const dialog = el(
    "dialog",
    { class: "large", "aria-label": alt },
    el("img", { src: media.url, alt, width: media.width, height: media.height }),
    el(
      "p",
      {},
      el("span", { class: "caption" }, alt),
      el("a", { href: media.url, target: "_blank", rel: "noopener noreferrer" }, "Open the file"),
      el("button", { type: "button", class: "second", onclick: () => dialog.close() }, "Close"),
    ),
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
