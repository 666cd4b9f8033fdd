// Behind the scenes: requests as they come, rate limits, open jobs, and switches for troubles.

import { listen, post } from "./api.js";
import { el, freshId, iconButton } from "./dom.js";
import { inline } from "./markdown.js";
import { channel, tell } from "./state.js";

const KEPT = 200; // requests that are shown

const requests = el("ol", { class: "requests", tabindex: "0", "aria-label": "Requests, newest first" });
const buckets = el("ul", { class: "buckets" });
const open = el("ul", { class: "open-jobs" });
const gateway = el("p", { class: "gateway", role: "status" });
const down = toggle("Discord is down", "Every request is answered with 503, the gateway is gone.", (on) => ({ down: on }));
const slow = toggle("Discord is slow", "Each answer comes 2 s late.", (on) => ({ slow: on }));

let stop = null;
let underWay = 0; // switches that are not answered yet
let switched = 0; // what is told without knowing of as many switches is older than they are

export function showBehind(box, close) {
  box.append(
    el("header", {}, el("h2", {}, "Behind the scenes"), iconButton("close", "Close behind the scenes", close)),
    section("Troubles", down.node, slow.node, el("div", { class: "row" }, cut("Cut the gateway", "resume"), cut("Cut it, session lost", "restart")), gateway),
    section("Queue, as Discord knows it", open),
    section("Rate limits", buckets),
    section("Requests", requests),
  );
}

/** Listens while the drawer is open only. */
export function watchBehind(watching) {
  stop?.();
  stop = null;
  if (!watching) return;
  requests.replaceChildren();
  stop = listen("/debug", {}, hear, (lost) => {
    if (!lost) return;
    switched = 0;
    requests.replaceChildren();
  });
}

function section(title, ...inside) {
  const id = freshId("section");
  return el("section", { "aria-labelledby": id }, el("h3", { id }, title), inside);
}

function toggle(label, hint, wish) {
  const input = el("input", { type: "checkbox", role: "switch", onchange: () => flip(wish(input.checked)) });
  return { input, node: el("label", { class: "switch" }, input, el("span", {}, label, el("small", {}, hint))) };
}

function cut(label, drop) {
  return el("button", { type: "button", class: "second", onclick: () => flip({ drop }) }, label);
}

async function flip(wish) {
  underWay += 1;
  const answer = await post("/debug/switch", wish).finally(() => (underWay -= 1));
  switched = Math.max(switched, answer.switched);
}

function hear(name, data) {
  if (name === "STATE") drawState(data);
  else {
    requests.prepend(requestNode(data));
    while (requests.children.length > KEPT) requests.lastElementChild.remove();
  }
}

function drawState(now) {
  if (underWay || now.switched < switched) return;
  down.input.checked = now.down;
  slow.input.checked = now.slow;
  tell("trouble", now);
  gateway.textContent = `${now.connected ? "The bot is connected." : "The bot is not connected."} ${now.sessions_left.toLocaleString()} sessions left today, ${now.refused} requests refused for their rate.`;
  buckets.replaceChildren(...(now.buckets.length ? now.buckets.slice(0, 8).map(bucketNode) : [el("li", { class: "hint" }, "No bucket is in use.")]));
  open.replaceChildren(...(now.pending.length ? now.pending.map(jobNode) : [el("li", { class: "hint" }, "Nothing waits and nothing is painted.")]));
}

function bucketNode(bucket) {
  const label = short(bucket.name);
  const meter = el("meter", { min: "0", max: String(bucket.limit), value: String(bucket.used), high: String(bucket.limit - 1), "aria-label": label });
  return el("li", {}, el("code", { title: bucket.name }, label), meter, el("small", {}, `${bucket.used} of ${bucket.limit}`));
}

function jobNode(job) {
  const jump = () => tell("jump", { channel: job.channel_id, message: job.message_id });
  const number = job.footer.split(" ")[0];
  const words = [el("b", {}, `${number} ${job.title}`), " in #", job.channel];
  const seen = channel(job.channel_id);
  return el("li", {}, seen ? el("button", { type: "button", class: "link", onclick: jump }, words) : el("span", {}, words), el("small", {}, inline(job.status)));
}

function requestNode(request) {
  const failed = request.status === null || request.status >= 400;
  const time = new Date(request.moment * 1000).toLocaleTimeString("en-GB");
  const files = request.files.map((file) => `${file.name}, ${(file.size / 1024).toFixed(1)} KiB`).join(" · ");
  const summary = el(
    "summary",
    {},
    el("time", {}, time),
    el("code", { title: request.path }, short(request.name)),
    el("span", { class: failed ? "status bad" : "status" }, request.status === null ? "reset" : String(request.status)),
  );
  const details = el("details", {}, summary);
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const parts = [["Path", request.path], ["Files", files], ["Sent", request.sent], ["Answered", request.received]];
    details.append(...parts.filter(([, text]) => text).map(([name, text]) => el("div", {}, el("b", {}, name), el("pre", { tabindex: "0" }, text))));
  });
  return el("li", {}, details);
}

/** A route as one reads it: its ids left out. */
function short(name) {
  return name.replace(/\{\w+\}(\/\{\w+\})*/g, "…");
}
