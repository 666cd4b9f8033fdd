// Buttons and selects below a message, and layouts of the newer kind.

import { Refusal, post } from "./api.js";
import { el, icon, nameOf } from "./dom.js";
import { markdown } from "./markdown.js";
import { openModal } from "./modal.js";
import { pictureNode } from "./pictures.js";
import { channelName, guildOf, channel, state } from "./state.js";

const ROW = 1, BUTTON = 2, SECTION = 9, TEXT = 10, THUMBNAIL = 11, GALLERY = 12, FILE = 13, SEPARATOR = 14, CONTAINER = 17;
const STYLES = { 1: "first", 2: "second", 3: "good", 4: "danger", 5: "second", 6: "second" };
const LINK = 5;

/** The nodes of a message's components; `message` is what they belong to. */
export function componentNodes(message) {
  return message.components.map((part) => node(part, message));
}

function node(part, message) {
  switch (part.type) {
    case ROW:
      return el("div", { class: "row" }, part.components.map((each) => node(each, message)));
    case BUTTON:
      return button(part, message);
    case SECTION:
      return el("div", { class: "section" }, el("div", {}, part.components.map((each) => node(each, message))), part.accessory && node(part.accessory, message));
    case TEXT:
      return el("div", { class: "text" }, markdown(part.content));
    case THUMBNAIL:
      return el("div", { class: "thumbnail" }, pictureNode({ ...part.media, description: part.description }));
    case GALLERY:
      return el("div", { class: `mosaic of${Math.min(part.items.length, 4)}` }, part.items.map((item) => pictureNode({ ...item.media, description: item.description })));
    case FILE:
      return el("a", { class: "file", href: part.file.url, download: true }, icon("file"), part.file.url.split("?")[0].split("/").at(-1));
    case SEPARATOR:
      return el("hr", { class: part.divider === false ? "bare" : "" });
    case CONTAINER:
      return el("div", { class: "embed" }, part.components.map((each) => node(each, message)));
    default:
      return "options" in part || part.type >= 5 ? select(part, message) : el("span", {});
  }
}

function button(part, message) {
  const label = [part.emoji?.name, part.label].filter(Boolean).join(" ");
  if (part.style === LINK) {
    return el("a", { class: "button second", href: part.url, target: "_blank", rel: "noopener noreferrer" }, label, icon("jump"));
  }
  const made = el("button", { type: "button", class: STYLES[part.style], "data-id": part.custom_id, disabled: part.disabled }, label);
  made.addEventListener("click", () => use(made, message, part.custom_id));
  return made;
}

/** What a select offers: its own options, or people, roles and channels of the server. */
export function offered(part) {
  const guild = guildOf(channel());
  const people = () => (guild?.members ?? []).map(({ user }) => ({ label: nameOf(user), value: user.id }));
  const roles = () => (guild?.roles ?? []).map((role) => ({ label: role.name, value: role.id }));
  const channels = () => (guild?.channels ?? []).map((each) => ({ label: `#${channelName(each)}`, value: each.id }));
  switch (part.type) {
    case 5: return people();
    case 6: return roles();
    case 7: return [...people(), ...roles()];
    case 8: return channels();
    default: return part.options;
  }
}

function select(part, message) {
  const several = (part.max_values ?? 1) > 1;
  const hint = part.placeholder || "Make a selection";
  const options = offered(part).map((option) => el("option", { value: option.value, selected: option.default, title: option.description }, option.label));
  const made = el(
    "select",
    { "aria-label": hint, "data-id": part.custom_id, disabled: part.disabled, multiple: several, size: several ? Math.min(options.length, 5) : null },
    !several && el("option", { value: "", selected: !part.options?.some((option) => option.default) }, hint),
    options,
  );
  const values = () => [...made.selectedOptions].map((option) => option.value).filter(Boolean);
  const send = () => use(made, message, part.custom_id, values());
  if (!several) made.addEventListener("change", () => values().length && send());
  return several ? el("div", { class: "several" }, made, el("button", { type: "button", class: "second", onclick: send }, "Choose")) : made;
}

async function use(control, message, customId, values = []) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  const note = control.closest("[data-message]")?.querySelector(".trouble");
  note?.replaceChildren();
  try {
    const wish = { member: state.me, channel: message.channel_id, message: message.id, custom_id: customId, values };
    const outcome = await post("/components/use", wish);
    if (outcome.kind === "failed") note?.replaceChildren("This interaction failed. The bot did not answer in time.");
    if (outcome.kind === "modal") openModal(outcome);
  } catch (error) {
    const why = error instanceof Refusal ? error.message : "The local Discord does not answer.";
    note?.replaceChildren(`This interaction failed. ${why}`);
  } finally {
    control.removeAttribute("aria-busy");
  }
}
