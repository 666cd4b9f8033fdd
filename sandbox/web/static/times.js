// Times in the member's language.

import { state } from "./state.js";

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const STYLES = {
	t: { timeStyle: "short" },
	T: { timeStyle: "medium" },
	d: { dateStyle: "short" },
	D: { dateStyle: "long" },
	f: { dateStyle: "long", timeStyle: "short" },
	F: { dateStyle: "full", timeStyle: "short" },
};
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
	["year", 31557600],
	["month", 2629800],
	["day", 86400],
	["hour", 3600],
	["minute", 60],
	["second", 1],
];

/** A <time>. With style R it shows how long ago, and stays up to date. @param {number} seconds */
export function timeNode(seconds, style = "f") {
	const date = new Date(seconds * 1000);
	const node = document.createElement("time");
	if (Number.isNaN(date.getTime())) {
		node.textContent = "Invalid date";
		return node;
	}
	node.dateTime = date.toISOString();
	node.title = format(date, STYLES.F);
	if (style === "R") node.dataset.since = String(seconds);
	node.textContent = style === "R" ? ago(seconds) : format(date, STYLES[style] ?? STYLES.f);
	return node;
}

/** The time of a message; with the date if it is not from today. @param {string} iso */
export function postedNode(iso) {
	const seconds = Date.parse(iso) / 1000;
	const today = new Date(seconds * 1000).toDateString() === new Date().toDateString();
	const node = timeNode(seconds, "t");
	if (!today)
		node.textContent = format(new Date(seconds * 1000), { dateStyle: "short", timeStyle: "short" });
	return node;
}

/** @param {Date} date @param {Intl.DateTimeFormatOptions} options */
function format(date, options) {
	return new Intl.DateTimeFormat(state.locale, options).format(date);
}

/** @param {number} seconds */
function ago(seconds) {
	const distance = seconds - Date.now() / 1000;
	const [unit, length] =
		UNITS.find(([, size]) => Math.abs(distance) >= size) ?? UNITS[UNITS.length - 1];
	return new Intl.RelativeTimeFormat(state.locale, { numeric: "auto" }).format(
		Math.trunc(distance / length),
		unit,
	);
}

setInterval(() => {
	const nodes = /** @type {NodeListOf<HTMLElement>} */ (
		document.querySelectorAll("time[data-since]")
	);
	for (const node of nodes) {
		const text = ago(Number(node.dataset.since));
		if (node.textContent !== text) node.textContent = text;
	}
}, 1000);
