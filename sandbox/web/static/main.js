// Puts the page together.

import { get, hasToken } from "./api.js";
import { showBehind, watchBehind } from "./behind.js";
import { showChannel } from "./channel_view.js";
import { showComposer } from "./composer.js";
import { el, icon, iconButton, redraw } from "./dom.js";
import { showGallery } from "./gallery.js";
import { showPeople } from "./people.js";
import { showPlaces } from "./places.js";
import { become, channel, channelName, guildOf, lookAt, on, state, tell } from "./state.js";

const part = (id) => document.getElementById(id);
const narrow = matchMedia("(max-width: 900px)");

let view = "channel";
let trouble = {};

function toggleSide(name) {
  const body = document.body;
  const open = !body.classList.contains(`${name}-open`);
  body.classList.remove("places-open", "people-open", "behind-open");
  body.classList.toggle(`${name}-open`, open);
  settle();
  if (open && narrow.matches) part(name).querySelector("button, input")?.focus();
}

/** Shows and hides what the classes of the body say, for eyes and screen readers alike. */
function settle() {
  const has = (name) => document.body.classList.contains(name);
  const behind = has("behind-open");
  part("behind").hidden = !behind;
  part("people").hidden = narrow.matches ? !has("people-open") : behind;
  part("places").inert = narrow.matches && !has("places-open");
  part("servers").inert = part("places").inert;
  watch(behind);
  top();
}

let watching = false;

function watch(behind) {
  if (behind !== watching) watchBehind((watching = behind));
}

function top() {
  const place = channel();
  const gallery = view === "gallery";
  const title = gallery ? "Gallery" : place ? channelName(place) : "";
  document.title = `${gallery || !place?.guild_id ? "" : "#"}${title} · ${guildOf(place)?.name ?? "Imagine"}`;
  const open = (name) => String(document.body.classList.contains(`${name}-open`));
  redraw(part("top"), [
    iconButton("menu", "Servers and channels", () => toggleSide("places"), { "aria-expanded": open("places"), class: "plain only-narrow" }),
    icon(gallery ? "picture" : place?.guild_id ? "hash" : "at"),
    el("h1", {}, title),
    el("p", { class: "topic" }, gallery ? "Every finished picture that you can see" : (place?.topic ?? "")),
    iconButton("people", "Members", () => toggleSide("people"), { "aria-expanded": open("people"), class: "plain only-narrow" }),
    iconButton("pulse", "Behind the scenes", () => toggleSide("behind"), { "aria-expanded": open("behind") }),
  ]);
}

function banner() {
  const text = state.lost ?? (trouble.down ? "Discord is down, as you wished. The bot waits for it." : state.connected ? "" : "The bot is not connected. It comes by itself.");
  part("banner").textContent = text;
}

function show(wanted) {
  view = wanted;
  for (const id of ["channel", "composer"]) part(id).hidden = view !== "channel";
  top();
}

async function begin() {
  if (!hasToken) return refuse("Open the address that make try has printed: what stands behind its # lets you in.");
  showPlaces();
  showPeople(part("people"));
  showChannel(part("channel"));
  showComposer(part("composer"));
  showGallery(part("gallery"));
  showBehind(part("behind"), () => (toggleSide("behind"), part("top").querySelector("button:last-child").focus()));
  on("view", show);
  on("jump", () => (tell("view", "channel"), narrow.matches && document.body.classList.remove("places-open", "people-open", "behind-open"), settle()));
  on("everything", () => (settle(), banner()));
  on("place", settle);
  on("presence", banner);
  on("trouble", (now) => ((trouble = now), banner()));
  narrow.addEventListener("change", settle);
  addEventListener("keydown", shortcut);
  document.addEventListener("pointerdown", (event) => {
    const aside = document.body.classList;
    const open = ["places-open", "people-open"].some((name) => aside.contains(name));
    if (open && narrow.matches && part("main").contains(event.target) && !event.target.closest("#top")) {
      aside.remove("places-open", "people-open");
      settle();
    }
  });
  try {
    const people = await get("/members");
    const first = people.find((person) => person.global_name === "Ada") ?? people.at(-1);
    state.place = (await get("")).channel.id;
    become(first.id);
  } catch (error) {
    refuse(error.status === 401 ? "The key in this address is not, or no longer, the right one. Open the address that make try has printed." : "The local Discord does not answer. Is make try still running?");
  }
}

/** Escape closes what lies over the channel on a narrow screen; / goes to the message box. */
function shortcut(event) {
  if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const open = ["places", "people", "behind"].find((name) => document.body.classList.contains(`${name}-open`));
  if (event.key === "Escape" && open) {
    toggleSide(open);
    part("top").querySelector("button")?.focus();
  } else if (event.key === "/" && !event.target.closest("input, textarea, select") && view === "channel") {
    part("composer-text").focus();
  }
}

function refuse(text) {
  document.body.replaceChildren(el("main", { class: "refused" }, icon("warning"), el("h1", {}, "Not here"), el("p", {}, text)));
}

begin();
