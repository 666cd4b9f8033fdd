// Images and other files of messages.

import { element, icon, sizeText } from "./dom.js";

/** A CDN URL without its signature, which changes. @param {string} url */
export function bare(url) {
	return url.split("?")[0];
}

/** What each image button shows. @type {WeakMap<Element, Media>} */
const shown = new WeakMap();
/** The URL of the image that each button shows once it has loaded. @type {WeakMap<Element, string>} */
const loading = new WeakMap();

/** An image as a button that opens it large. @param {Media} media */
export function imageNode(media) {
	const button = element("button.picture", {
		onclick: async () => {
			const { openImage } = await import("./image_dialog.js");
			const now = shown.get(button) ?? media;
			openImage(now, altOf(now));
		},
	});
	fill(button, media, element("img", { src: media.url }));
	return button;
}

/**
 * Shows another image once it has loaded. Until then the old one stays.
 * @param {Element} button
 * @param {Media} media
 */
export async function changeImage(button, media) {
	const address = bare(media.url);
	const current = shown.get(button);
	if (current && address === bare(current.url)) return;
	loading.set(button, address);
	const next = element("img", { src: media.url });
	await next.decode().catch(() => {});
	if (loading.get(button) === address) fill(/** @type {HTMLElement} */ (button), media, next);
}

/** @param {HTMLElement} button @param {Media} media @param {HTMLImageElement} img */
function fill(button, media, img) {
	const alt = altOf(media);
	img.alt = alt;
	if (media.width) img.width = media.width;
	if (media.height) img.height = media.height;
	shown.set(button, media);
	loading.set(button, bare(media.url));
	button.ariaLabel = `Image: ${alt}. Open it large`;
	button.replaceChildren(img);
	if (media.width) button.style.setProperty("--ratio", `${media.width} / ${media.height}`);
}

/**
 * Keeps the images that are shown until the new ones have loaded, then changes them.
 * @param {Element} box what is shown
 * @param {HTMLElement[]} nodes what is to be shown
 */
export function keepImages(box, nodes) {
	const open = (root) =>
		[...root.querySelectorAll(".mosaic .picture")].filter((each) => !each.closest(".covered"));
	const [before, after] = [open(box), nodes.flatMap(open)];
	if (before.length !== after.length) return;
	for (const [index, button] of after.entries()) {
		const media = shown.get(button);
		button.replaceWith(before[index]);
		if (media) changeImage(before[index], media);
	}
}

/** @param {Media} media */
function altOf(media) {
	const name = media.filename ?? decodeURIComponent(bare(media.url).split("/").at(-1) ?? "");
	return media.description || name;
}

/** @param {Attachment[]} files */
export function filesNode(files) {
	const images = files.filter((file) => isKind(file, "image"));
	const others = files.filter((file) => !images.includes(file));
	return element(
		"div.files",
		images.length > 0 &&
			element(
				"div",
				{ class: `mosaic of${Math.min(images.length, 4)}` },
				images.map((file) => shownFile(file, imageNode(file))),
			),
		others.map((file) =>
			isKind(file, "video") ? shownFile(file, videoNode(file)) : fileNode(file),
		),
	);
}

/** @param {Media} file @param {"image" | "video"} kind */
export function isKind(file, kind) {
	return (file.content_type ?? "").startsWith(`${kind}/`);
}

/** @param {Media} file */
export function videoNode(file) {
	const label = altOf(file);
	return element("video", {
		src: file.url,
		controls: true,
		loop: true,
		muted: true,
		playsinline: true,
		preload: "metadata",
		width: file.width,
		height: file.height,
		"aria-label": label,
	});
}

/** @param {Attachment} file */
export function fileNode(file) {
	return element(
		"a.file",
		{ href: file.url, download: file.filename },
		icon("file"),
		element("span", element("span", file.filename), element("small", sizeText(file.size))),
	);
}

/** @param {Attachment} file @param {HTMLElement} node */
function shownFile(file, node) {
	return file.filename.startsWith("SPOILER_") ? covered(node) : node;
}

/** Covers a spoiler until the member clicks it. @param {HTMLElement} node */
export function covered(node) {
	const cover = element(
		"button.cover",
		{ "aria-label": "Spoiler: show this image" },
		element("span", "Spoiler"),
	);
	const box = element("div.covered", node, cover);
	node.inert = true;
	cover.addEventListener("click", () => {
		node.inert = false;
		box.replaceWith(node);
		node.focus();
	});
	return box;
}
