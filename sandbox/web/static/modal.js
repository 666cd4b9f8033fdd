// A form that the bot opens: fields with labels, sent all at once.

import { Refusal, post } from "./api.js";
import { el, freshId, nameOf } from "./dom.js";
import { markdown } from "./markdown.js";
import { offered } from "./offered.js";
import { state } from "./state.js";

const ROW = 1, TEXT_INPUT = 4, TEXT = 10, LABEL = 18;
const PARAGRAPH = 2;

/** Shows the form of an outcome, and sends it. */
export function openModal(outcome) {
  const { modal, interaction_id: interaction } = outcome;
  const fields = [];
  const shown = modal.components.map((row) => rowNode(row, fields));
  const problem = el("p", { class: "problem", role: "alert" });
  const title = freshId("form");
  const submit = el("button", { class: "first" }, "Submit");
  const form = el(
    "form",
    { novalidate: true },
    el("header", {}, el("small", {}, nameOf(state.bot)), el("h2", { id: title }, modal.title)),
    el("div", { class: "rows" }, shown),
    problem,
    el("footer", {}, el("button", { type: "button", class: "second", onclick: () => dialog.close() }, "Cancel"), submit),
  );
  const dialog = el("dialog", { class: "form", "aria-labelledby": title }, form);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.replaceChildren();
    for (const field of fields) field.complain("");
    if (fields.filter((field) => !field.check()).length) return form.querySelector("[aria-invalid=true]")?.focus();
    submit.setAttribute("aria-busy", "true");
    try {
      const values = Object.fromEntries(fields.map((field) => [field.name, field.value()]));
      const answer = await post("/modals/submit", { interaction, values });
      if (answer.kind === "failed") problem.replaceChildren("Something went wrong. Try again.");
      else dialog.close();
    } catch (error) {
      const why = error instanceof Refusal ? error.message : "The local Discord does not answer.";
      const [, name, reason] = why.match(/^(\w+): (.+)$/s) ?? [];
      const field = fields.find((each) => each.name === name);
      if (field) field.complain(reason);
      else problem.replaceChildren(why);
    } finally {
      submit.removeAttribute("aria-busy");
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  form.querySelector("input, textarea, select")?.focus();
}

function rowNode(row, fields) {
  if (row.type === TEXT) return el("div", { class: "text" }, markdown(row.content));
  const part = row.type === ROW ? row.components[0] : row.component;
  const label = row.type === LABEL ? row.label : part.label;
  return labelled(part, label, row.type === LABEL ? row.description : null, fields);
}

/** A field with its label, a place for what is wrong, and how to read it. */
function labelled(part, label, description, fields) {
  const id = freshId("field");
  const required = part.required !== false;
  const control = controlNode(part, id, required);
  const problem = el("p", { class: "problem", id: `${id}-problem` });
  control.setAttribute("aria-describedby", [description && `${id}-hint`, `${id}-problem`].filter(Boolean).join(" "));
  const complain = (text) => {
    problem.textContent = text;
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  const check = () => {
    const fine = control.checkValidity();
    if (!fine) complain(control.validationMessage);
    return fine;
  };
  fields.push({ name: part.custom_id, value: () => valueOf(part, control), complain, check });
  const words = [label, required && el("span", { class: "required", "aria-hidden": "true" }, " *")];
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, words),
    description && el("p", { class: "hint", id: `${id}-hint` }, description),
    control,
    problem,
  );
}

function controlNode(part, id, required) {
  const common = { id, name: part.custom_id, required };
  if (part.type === TEXT_INPUT) {
    const limits = { minlength: part.min_length, maxlength: part.max_length ?? 4000, placeholder: part.placeholder, autocomplete: "off" };
    if (part.style === PARAGRAPH) return el("textarea", { ...common, ...limits, rows: "3" }, part.value ?? "");
    return el("input", { ...common, ...limits, value: part.value ?? "" });
  }
  const several = (part.max_values ?? 1) > 1;
  const preset = (part.default_values ?? []).map((each) => String(each.id));
  const options = offered(part).map((option) => el("option", { value: option.value, selected: option.default || preset.includes(option.value) }, option.label));
  return el("select", { ...common, multiple: several }, !several && el("option", { value: "" }, part.placeholder ?? "Make a selection"), options);
}

function valueOf(part, control) {
  if (part.type === TEXT_INPUT) return control.value;
  return [...control.selectedOptions].map((option) => option.value).filter(Boolean);
}
