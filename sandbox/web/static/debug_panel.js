// Behind the scenes: requests, rate limits, pending jobs, and switches for faults. Loaded when it
// is first opened.

import { listen, post } from "./api.js";
import { element, iconButton, loadStyles, uniqueId } from "./dom.js";
import { inline } from "./markdown.js";
import { emit, getChannel } from "./state.js";

await loadStyles("debug_panel");

const MAX_REQUESTS = 200; // that are shown
const MAX_BUCKETS = 8;

const requests = element("ol.requests", { tabindex: "0", "aria-label": "Requests, newest first" });
const buckets = element("ul.buckets");
const pending = element("ul.pending-jobs");
const gateway = element("p.gateway", { role: "status" });
const down = toggle(
	"Discord is down",
	"Every request gets status 503, and the gateway is closed.",
	(on) => ({ down: on }),
);
const slow = toggle("Discord is slow", "Each response takes 2 s longer.", (on) => ({ slow: on }));

/** @type {(() => void) | null} */
let stop = null;
let unanswered = 0; // switches without a response so far
let switched = 0; // a state with a smaller number is older than the last switch

/** @param {HTMLElement} box @param {() => void} close */
export function mountDebugPanel(box, close) {
	box.append(
		element(
			"header",
			element("h2", "Behind the scenes"),
			iconButton("close", "Close behind the scenes", close),
		),
		section(
			"Faults",
			down.node,
			slow.node,
			element(
				"div.row",
				dropButton("Drop the gateway", "resume"),
				dropButton("Drop it, session lost", "restart"),
			),
			gateway,
		),
		section("Queue, as Discord sees it", pending),
		section("Rate limits", buckets),
		section("Requests", requests),
	);
}

/** Listens only while the panel is open. @param {boolean} open */
export function watchDebugPanel(open) {
	stop?.();
	stop = null;
	if (!open) return;
	requests.replaceChildren();
	stop = listen("/debug", {}, onEvent, (lost) => {
		if (!lost) return;
		switched = 0;
		requests.replaceChildren();
	});
}

function section(title, ...inside) {
	const id = uniqueId("section");
	return element("section", { "aria-labelledby": id }, element("h3", { id }, title), inside);
}

/**
 * @param {string} label
 * @param {string} hint
 * @param {(on: boolean) => object} body of the request
 */
function toggle(label, hint, body) {
	const input = element("input", {
		type: "checkbox",
		role: "switch",
		onchange: () => sendSwitch(body(input.checked)),
	});
	return {
		input,
		node: element("label.switch", input, element("span", label, element("small", hint))),
	};
}

/** @param {string} label @param {"resume" | "restart"} drop */
function dropButton(label, drop) {
	return element("button.second", { onclick: () => sendSwitch({ drop }) }, label);
}

async function sendSwitch(body) {
	unanswered += 1;
	try {
		const answer = await post("/debug/switch", body);
		switched = Math.max(switched, answer.switched);
	} finally {
		unanswered -= 1;
	}
}

function onEvent(name, data) {
	if (name === "STATE") drawState(data);
	else {
		requests.prepend(requestNode(data));
		while (requests.children.length > MAX_REQUESTS) requests.lastElementChild?.remove();
	}
}

/** @param {DebugState} now */
function drawState(now) {
	if (unanswered || now.switched < switched) return;
	down.input.checked = now.down;
	slow.input.checked = now.slow;
	emit("fault", now);
	const connection = now.connected ? "The bot is connected." : "The bot is not connected.";
	const sessions = `${now.sessions_left.toLocaleString()} sessions left today`;
	const resumed = `${now.sessions_resumed} resumed`;
	gateway.textContent = `${connection} ${sessions}, ${resumed}, ${now.refused} requests rate limited.`;
	buckets.replaceChildren(
		...(now.buckets.length
			? now.buckets.slice(0, MAX_BUCKETS).map(bucketNode)
			: [element("li.hint", "No bucket is in use.")]),
	);
	pending.replaceChildren(
		...(now.pending.length
			? now.pending.map(jobNode)
			: [element("li.hint", "No job is waiting or running.")]),
	);
}

/** @param {DebugState["buckets"][number]} bucket */
function bucketNode(bucket) {
	const label = shortRoute(bucket.name);
	const meter = element("meter", {
		min: "0",
		max: String(bucket.limit),
		value: String(bucket.used),
		high: String(bucket.limit - 1),
		"aria-label": label,
	});
	return element(
		"li",
		element("code", { title: bucket.name }, label),
		meter,
		element("small", `${bucket.used} of ${bucket.limit}`),
	);
}

/** @param {PendingJob} job */
function jobNode(job) {
	const jump = () => emit("jump", { channel: job.channel_id, message: job.message_id });
	const number = job.footer.split(" ")[0];
	const words = [element("b", `${number} ${job.title}`), " in #", job.channel];
	const visible = getChannel(job.channel_id);
	return element(
		"li",
		visible ? element("button.link", { onclick: jump }, words) : element("span", words),
		element("small", inline(job.status)),
	);
}

/** @param {RecordedRequest} request */
function requestNode(request) {
	const failed = request.status === null || request.status >= 400;
	const time = new Date(request.moment * 1000).toLocaleTimeString("en-GB");
	const files = request.files
		.map((file) => `${file.name}, ${(file.size / 1024).toFixed(1)} KiB`)
		.join(" · ");
	const summary = element(
		"summary",
		element("time", time),
		element("code", { title: request.path }, shortRoute(request.name)),
		element(
			"span",
			{ class: failed ? "status bad" : "status" },
			request.status === null ? "reset" : String(request.status),
		),
	);
	const details = element("details", summary);
	details.addEventListener("toggle", () => {
		if (details.children.length > 1) return;
		const parts = [
			["Path", request.path],
			["Files", files],
			["Sent", request.sent],
			["Received", request.received],
		];
		details.append(
			...parts
				.filter(([, text]) => text)
				.map(([name, text]) =>
					element("div", element("b", name), element("pre", { tabindex: "0" }, text)),
				),
		);
	});
	return element("li", details);
}

/** A route without its ids. @param {string} name */
function shortRoute(name) {
	return name.replace(/\{\w+\}(\/\{\w+\})*/g, "…");
}
