// Buttons and select menus of a message.

import { errorText, post } from "./api.js";
import { element, icon } from "./dom.js";
import { openModal } from "./modal.js";
import { selectOptions } from "./select_options.js";
import { state } from "./state.js";

const ACTION_ROW = 1;
const BUTTON = 2;
const SELECTS = [3, 5, 6, 7, 8];
const LINK_STYLE = 5;
const STYLE_CLASSES = { 1: "first", 2: "second", 3: "good", 4: "danger" };

/** @param {Message} message */
export function componentNodes(message) {
  return message.components.map((part) => node(part, message));
}

function node(part, message) {
  if (part.type === ACTION_ROW)
    return element(
      "div",
      { class: "row" },
      part.components.map((each) => node(each, message)),
    );
  if (part.type === BUTTON) return button(part, message);
  if (SELECTS.includes(part.type)) return select(part, message);
  return element("p", { class: "hint" }, `This page cannot show components of type ${part.type}.`);
}

function button(part, message) {
  const label = [part.emoji?.name, part.label].filter(Boolean).join(" ");
  if (part.style === LINK_STYLE) {
    return element(
      "a",
      { class: "button second", href: part.url, target: "_blank", rel: "noopener noreferrer" },
      label,
      icon("jump"),
    );
  }
  const control = element(
    "button",
    {
      type: "button",
      class: STYLE_CLASSES[part.style],
      "data-id": part.custom_id,
      disabled: part.disabled,
    },
    label,
  );
  control.addEventListener("click", () => use(control, message, part.custom_id));
  return control;
}

function select(part, message) {
  const several = (part.max_values ?? 1) > 1;
  const hint = part.placeholder || "Make a selection";
  const options = selectOptions(part).map((option) =>
    element(
      "option",
      { value: option.value, selected: option.default, title: option.description },
      option.label,
    ),
  );
  const control = element(
    "select",
    {
      "aria-label": hint,
      "data-id": part.custom_id,
      disabled: part.disabled,
      multiple: several,
      size: several ? Math.min(options.length, 5) : null,
    },
    !several &&
      element(
        "option",
        { value: "", selected: !part.options?.some((option) => option.default) },
        hint,
      ),
    options,
  );
  const values = () => [...control.selectedOptions].map((option) => option.value).filter(Boolean);
  const send = () => use(control, message, part.custom_id, values());
  if (!several) control.addEventListener("change", () => values().length && send());
  return several
    ? element(
        "div",
        { class: "several" },
        control,
        element("button", { type: "button", class: "second", onclick: send }, "Choose"),
      )
    : control;
}

async function use(control, message, customId, values = []) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  const note = control.closest("[data-message]")?.querySelector(".problem");
  note?.replaceChildren();
  try {
    const body = {
      member: state.me,
      channel: message.channel_id,
      message: message.id,
      custom_id: customId,
      values,
    };
    const outcome = await post("/components/use", body);
    if (outcome.kind === "failed")
      note?.replaceChildren("This interaction failed. The bot did not respond in time.");
    if (outcome.kind === "modal") openModal(outcome);
  } catch (error) {
    note?.replaceChildren(`This interaction failed. ${errorText(error)}`);
  } finally {
    control.removeAttribute("aria-busy");
  }
}
