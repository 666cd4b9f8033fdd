// Moments as people say them, in the member's language.

import { state } from "./state.js";

const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** A <time> of a moment in seconds; of style R it tells how long ago, and goes on telling. */
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

/** As beside a name: the time of today, otherwise the date with it. */
export function postedNode(iso) {
  const seconds = Date.parse(iso) / 1000;
  const today = new Date(seconds * 1000).toDateString() === new Date().toDateString();
  const node = timeNode(seconds, "t");
  if (!today) node.textContent = format(new Date(seconds * 1000), { dateStyle: "short", timeStyle: "short" });
  return node;
}

function format(date, options) {
  return new Intl.DateTimeFormat(state.locale, options).format(date);
}

function ago(seconds) {
  const distance = seconds - Date.now() / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(distance) >= size) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat(state.locale, { numeric: "auto" }).format(Math.trunc(distance / length), unit);
}

setInterval(() => {
  for (const node of document.querySelectorAll("time[data-since]")) {
    const text = ago(Number(node.dataset.since));
    if (node.textContent !== text) node.textContent = text;
  }
}, 1000);
