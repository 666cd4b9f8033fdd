// Buttons and selects below a message.

import { Refusal, post } from "./api.js";
import { el, icon } from "./dom.js";
import { openModal } from "./modal.js";
import { offered } from "./offered.js";
import { state } from "./state.js";

const ROW = 1, BUTTON = 2, STRING_SELECT = 3, LAST_SELECT = 8;
const STYLES = { 1: "first", 2: "second", 3: "good", 4: "danger" };
const LINK = 5;

/** The nodes of a message's components; `message` is what they belong to. */
export function componentNodes(message) {
  return message.components.map((part) => node(part, message));
}

function node(part, message) {
  if (part.type === ROW) return el("div", { class: "row" }, part.components.map((each) => node(each, message)));
  if (part.type === BUTTON) return button(part, message);
  if (part.type >= STRING_SELECT && part.type <= LAST_SELECT) return select(part, message);
  return el("p", { class: "hint" }, `A component of type ${part.type}, which this page does not draw.`);
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
