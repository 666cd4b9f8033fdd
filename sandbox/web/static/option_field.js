// One option of a command as a field, after its type: text, number, choice, person, place, file.

import { post } from "./api.js";
import { el, freshId, icon, iconButton, nameOf, sizeText } from "./dom.js";
import { Listbox } from "./listbox.js";
import { channelName, channel, guildOf, state } from "./state.js";

const STRING = 3, INTEGER = 4, BOOLEAN = 5, USER = 6, CHANNEL = 7, ROLE = 8, MENTIONABLE = 9, NUMBER = 10, FILE = 11;
const PAUSE = 150; // milliseconds without a key until the bot is asked for suggestions

const wordOf = (option) => option.original_name ?? option.name;

/** A field with `node`, `set(value)`, `read()`, `complain(text)` and `focus()`. */
export function optionField(option, form) {
  const id = freshId("option");
  const made = option.type === FILE ? fileControl(option, id) : control(option, id, form);
  const problem = el("p", { class: "problem", id: `${id}-problem` });
  const hint = el("span", { class: "unseen", id: `${id}-hint` }, `${option.description}${rangeText(option)}`);
  made.input.setAttribute("aria-describedby", `${id}-hint ${id}-problem`);
  if (option.required) made.input.setAttribute("aria-required", "true");
  const remove = !option.required && iconButton("close", `Remove ${option.name}`, () => form.remove(option));
  const node = el(
    "div",
    { class: `option type${option.type}`, "data-option": wordOf(option) },
    el("div", { class: "pill" }, el("label", { for: id, title: option.description }, option.name), made.node, remove),
    problem,
    hint,
  );
  made.input.addEventListener("focus", () => form.explain(option, rangeText(option)));
  made.input.addEventListener("keydown", (event) => {
    if (event.key === "Backspace" && made.input.value === "" && !option.required) {
      event.preventDefault();
      form.remove(option);
    }
  });
  const complain = (text) => {
    problem.textContent = text;
    if (text) made.input.setAttribute("aria-invalid", "true");
    else made.input.removeAttribute("aria-invalid");
  };
  node.addEventListener("input", () => complain(""));
  return { option, name: wordOf(option), node, complain, set: made.set, read: made.read, focus: () => made.input.focus() };
}

function rangeText(option) {
  const low = option.min_value ?? option.min_length, high = option.max_value ?? option.max_length;
  if (low === undefined && high === undefined) return "";
  const unit = option.type === STRING ? " characters" : "";
  if (high === undefined) return ` (at least ${low}${unit})`;
  return ` (${low === undefined ? `at most ${high}` : `${low} to ${high}`}${unit})`;
}

function control(option, id, form) {
  const choices = choicesOf(option);
  return choices ? chooser(option, id, choices) : textField(option, id, form);
}

function choicesOf(option) {
  const guild = guildOf(channel());
  const people = () => (guild?.members ?? [{ user: state.user }]).map(({ user }) => [nameOf(user), user.id]);
  const roles = () => (guild?.roles ?? []).map((role) => [role.name, role.id]);
  switch (option.type) {
    case BOOLEAN: return [["True", true], ["False", false]];
    case USER: return people();
    case ROLE: return roles();
    case MENTIONABLE: return [...people(), ...roles()];
    case CHANNEL: return (guild?.channels ?? []).map((each) => [`#${channelName(each)}`, each.id]);
    default: return option.choices?.map((choice) => [choice.name, choice.value]);
  }
}

function chooser(option, id, choices) {
  const input = el("select", { id }, el("option", { value: "" }, "Choose…"), choices.map(([name], index) => el("option", { value: index }, name)));
  const set = (value) => {
    const index = choices.findIndex(([name, each]) => each === value || String(each) === String(value) || name === value);
    input.value = index < 0 ? "" : String(index);
  };
  return { node: input, input, set, read: () => (input.value === "" ? undefined : choices[Number(input.value)][1]) };
}

function textField(option, id, form) {
  const numeric = option.type === INTEGER || option.type === NUMBER;
  const input = el("input", { id, type: "text", autocomplete: "off", spellcheck: numeric ? "false" : null, inputmode: numeric ? (option.type === INTEGER ? "numeric" : "decimal") : null, role: option.autocomplete ? "combobox" : null });
  const read = () => {
    const text = input.chosen ?? input.value;
    if (text === "") return undefined;
    return numeric && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
  };
  const set = (value) => {
    input.value = String(value);
    input.chosen = undefined;
  };
  const list = option.autocomplete ? suggestions(option, input, form) : null;
  return { node: list ? el("div", { class: "suggested" }, input, list.node) : input, input, set, read };
}

/** Asks the bot, while one types, what it suggests. */
function suggestions(option, input, form) {
  const list = new Listbox(input, `Suggestions for ${option.name}`, (choice) => [choice.name], (choice) => {
    input.value = choice.name;
    input.chosen = choice.value;
  });
  let asked = 0, timer = 0;
  const ask = async () => {
    const number = ++asked;
    const wish = { member: state.me, channel: state.place, command: form.path, options: form.typed(), focused: wordOf(option) };
    wish.options[wordOf(option)] = input.value;
    const { choices = [] } = await post("/commands/complete", wish).catch(() => ({}));
    if (number === asked && document.activeElement === input) list.show(choices, -1);
  };
  const soon = () => (clearTimeout(timer), (timer = setTimeout(ask, PAUSE)));
  input.addEventListener("input", () => ((input.chosen = undefined), soon()));
  input.addEventListener("focus", soon);
  input.addEventListener("blur", () => (clearTimeout(timer), asked++));
  input.addEventListener("keydown", (event) => list.key(event));
  return list;
}

function fileControl(option, id) {
  let file = null;
  const input = el("input", { type: "file", id, class: "unseen", accept: null });
  const box = el("span", { class: "chosen-file" });
  const choose = el("button", { type: "button", class: "link", onclick: () => input.click() }, "Choose a file, drop or paste one");
  choose.tabIndex = -1;
  const set = (chosen) => {
    file = chosen;
    box.replaceChildren(...(file ? [preview(file), el("span", {}, file.name || "pasted picture"), el("small", {}, sizeText(file.size))] : [choose]));
  };
  input.addEventListener("change", () => input.files.length && set(input.files[0]));
  set(null);
  return { node: el("span", { class: "file-control" }, input, box), input, set, read: () => file ?? undefined };
}

/** A small picture of a file that is about to be sent. */
export function preview(file) {
  if (!file.type.startsWith("image/")) return icon("file");
  const address = URL.createObjectURL(file);
  const img = el("img", { src: address, alt: "" });
  img.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
  return img;
}
