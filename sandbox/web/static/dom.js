// Creates the page's nodes. Text is never parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
	hash: "M9 3 7 21M17 3l-2 18M4 8.5h17M3 15.5h17",
	thread: "M5 5v6a4 4 0 0 0 4 4h10m-4-4 4 4-4 4",
	at: "M16 12a4 4 0 1 0-8 0 4 4 0 0 0 8 0zm0 0v1.5a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-4 7.5",
	picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
	menu: "M4 6h16M4 12h16M4 18h16",
	people:
		"M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zm-6 9c0-3.5 2.5-6 6-6s6 2.5 6 6M16 4.3a3.5 3.5 0 0 1 0 6.4M17.5 14.4c2.2.8 3.5 3 3.5 5.6",
	pulse: "M3 12h4l3-8 4 16 3-8h4",
	more: "M5 12h.01M12 12h.01M19 12h.01",
	plus: "M12 5v14M5 12h14",
	close: "M6 6l12 12M18 6 6 18",
	send: "M4 12 20 4l-6 16-3-6.5z",
	file: "M6 3h8l4 4v14H6zM14 3v4h4",
	eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
	warning: "M12 3 2.5 20h19zM12 10v4.5M12 17.2h.01",
	down: "M12 5v14M6 13l6 6 6-6",
	again: "M4 12a8 8 0 0 1 14-5.3L20 9M20 4v5h-5M20 12a8 8 0 0 1-14 5.3L4 15M4 20v-5h5",
	dice: "M4 4h16v16H4zM8.5 8.5h.01M15.5 8.5h.01M12 12h.01M8.5 15.5h.01M15.5 15.5h.01",
	jump: "M9 6l6 6-6 6",
};

/**
 * Creates a node: `element("p.hint", { id }, …children)`, with or without attributes. A function is
 * a listener; null, undefined and false are left out. A button submits only with `type: "submit"`.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K | `${K}.${string}`} selector
 * @param {...(Attributes | Children)} parts
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(selector, ...parts) {
	const [tag, ...classes] = selector.split(".");
	const node = document.createElement(/** @type {K} */ (tag));
	if (classes.length) node.className = classes.join(" ");
	if (node instanceof HTMLButtonElement) node.type = "button";
	for (const part of parts) {
		if (part?.constructor === Object) setAttributes(node, /** @type {Attributes} */ (part));
		else node.append(...flatten([/** @type {Children} */ (part)]));
	}
	return node;
}

/** @param {HTMLElement} node @param {Attributes} attributes */
function setAttributes(node, attributes) {
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === "function")
			node.addEventListener(name.slice(2), (event) => value.call(node, event));
		else if (value === true) node.setAttribute(name, "");
		else if (value !== null && value !== undefined && value !== false)
			node.setAttribute(name, String(value));
	}
}

/** @param {readonly Children[]} children @returns {(Node | string)[]} */
export function flatten(children) {
	return children.flatMap((child) => {
		if (typeof child === "string" || child instanceof Node) return [child];
		return child ? flatten(child) : [];
	});
}

/** Loads a stylesheet that was not needed until now. @param {string} name */
export function loadStyles(name) {
	return new Promise((resolve) => {
		const href = `/page/${name}.css`;
		document.head.append(
			element("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve }),
		);
	});
}

/** The element with this id, which must exist. @param {string} id */
export function byId(id) {
	return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * A decorative icon. A text next to it, or the label of its button, has its meaning.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
	const svg = document.createElementNS(SVG, "svg");
	svg.setAttribute("viewBox", "0 0 24 24");
	svg.setAttribute("class", "icon");
	svg.setAttribute("aria-hidden", "true");
	const path = document.createElementNS(SVG, "path");
	path.setAttribute("d", ICONS[name]);
	svg.append(path);
	return svg;
}

/** A user's initials on a colour that depends on their name. @param {User} user */
export function avatar(user, small = false) {
	const name = nameOf(user);
	const words = name.split(/\s+/).slice(0, 2);
	const initials = words.map((word) => [...word][0] ?? "").join("");
	const node = element(
		"span",
		{ class: small ? "avatar small" : "avatar", "aria-hidden": "true" },
		initials.toUpperCase(),
	);
	const hue = [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
	node.style.setProperty("--hue", String(hue));
	return node;
}

/** @param {User} user */
export function nameOf(user) {
	return user.global_name || user.username.replace(/^./, (first) => first.toUpperCase());
}

/**
 * A button that shows only an icon.
 * @param {keyof typeof ICONS} name
 * @param {string} label
 * @param {() => void} onclick
 */
export function iconButton(name, label, onclick, attributes = {}) {
	return element(
		"button.plain",
		{ "aria-label": label, title: label, onclick, ...attributes },
		icon(name),
	);
}

/**
 * Replaces the children of a node. The focus stays on the same control, if it is still there.
 * @param {HTMLElement} box
 * @param {Children[]} nodes
 */
export function redraw(box, nodes) {
	const focused = document.activeElement;
	const key = focused instanceof HTMLElement && box.contains(focused) ? keyOf(focused) : null;
	box.replaceChildren(...flatten(nodes));
	if (key === null) return;
	const controls = /** @type {NodeListOf<HTMLElement>} */ (
		box.querySelectorAll("button, select, input")
	);
	[...controls].find((node) => keyOf(node) === key)?.focus({ preventScroll: true });
}

/** @param {HTMLElement} node */
function keyOf(node) {
	return node.dataset.key ?? node.ariaLabel ?? node.tagName;
}

let announced = 0;

/** Announces a text to screen readers. @param {string} text */
export function announce(text) {
	const region = byId("announcements");
	const paragraph = element("p", text);
	region.append(paragraph);
	const number = ++announced;
	setTimeout(() => {
		if (number === announced) region.replaceChildren();
		else paragraph.remove();
	}, 4000);
}

let ids = 0;

/** An id that no other node has. @param {string} prefix */
export function uniqueId(prefix) {
	return `${prefix}-${++ids}`;
}

/** @param {number} bytes */
export function sizeText(bytes) {
	if (bytes < 1000) return `${bytes} bytes`;
	return bytes < 1e6 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
}
