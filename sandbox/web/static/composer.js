// The box at the bottom: plain messages, and the way to commands by typing a slash.

import { Refusal, get, post, upload } from "./api.js";
import { CommandForm } from "./command_form.js";
import { announce, el, iconButton, sizeText } from "./dom.js";
import { Listbox } from "./listbox.js";
import { addNote } from "./notes.js";
import { preview } from "./option_field.js";
import { channel, channelName, may, on, state } from "./state.js";

const CHAT_INPUT = 1, SUBCOMMAND = 1, GROUP = 2;
const SEND_MESSAGES = 11;

const text = el("textarea", { id: "composer-text", rows: "1", "aria-label": "Message", maxlength: "2000" });
const picker = el("input", { type: "file", multiple: true, class: "unseen", tabindex: "-1", "aria-label": "Files for the message" });
const files = el("ul", { class: "attached", "aria-label": "Files to send" });
const attach = iconButton("plus", "Attach files", () => picker.click());
const bar = el("div", { class: "bar" }, attach, picker, text);
const problem = el("p", { class: "problem", role: "alert" });
const list = new Listbox(text, "Commands", drawCommand, (command) => open(command, ""));
const drop = el("div", { class: "drop", hidden: true }, el("p", {}, "Drop to attach"));

let box = null;
let form = null;
let chosen = []; // files of a plain message
let commands = [];
let where = null; // the channel for which a command is open
let last = null; // the command sent before, for the up arrow

export function showComposer(place) {
  box = place;
  box.append(list.node, files, problem, bar);
  document.body.append(drop);
  text.addEventListener("input", typed);
  text.addEventListener("keydown", key);
  picker.addEventListener("change", () => (add([...picker.files]), (picker.value = "")));
  on("everything", refresh);
  on("place", refresh);
  on("command", (name) => {
    text.value = `/${name}`;
    enterCommand();
  });
  addEventListener("paste", (event) => takeFiles(event, event.clipboardData));
  for (const name of ["dragenter", "dragover"]) addEventListener(name, (event) => isFile(event) && (event.preventDefault(), (drop.hidden = false)));
  addEventListener("dragleave", (event) => event.relatedTarget === null && (drop.hidden = true));
  addEventListener("drop", (event) => (isFile(event) && takeFiles(event, event.dataTransfer), (drop.hidden = true)));
}

const isFile = (event) => event.dataTransfer?.types.includes("Files");

function refresh() {
  const place = channel();
  if (where !== state.place) close();
  where = state.place;
  const silent = place && place.guild_id && !may(place, SEND_MESSAGES);
  text.disabled = attach.disabled = Boolean(!place || silent);
  text.placeholder = silent ? "You may not write in this channel" : place ? `Message ${place.guild_id ? "#" : ""}${channelName(place)} · / for commands` : "";
  list.close();
}

// Commands

/** All commands of the channel by what one types: subcommands each by themselves. */
export async function offeredCommands() {
  const shown = await get(`/channels/${state.place}/commands`, { member: state.me });
  return shown.filter((command) => command.type === CHAT_INPUT).flatMap((command) => spread(command, "", ""));
}

function spread(command, path, shown) {
  const here = { path: `${path}${command.original_name ?? command.name}`, shown: `${shown}${command.name}`, description: command.description, options: command.options ?? [] };
  const inner = here.options.filter((option) => option.type === SUBCOMMAND || option.type === GROUP);
  return inner.length ? inner.flatMap((each) => spread(each, `${here.path} `, `${here.shown} `)) : [here];
}

function drawCommand(command) {
  const wanted = command.options.filter((option) => option.required).map((option) => el("span", { class: "chip" }, option.name));
  return [el("span", { class: "command-name" }, `/${command.shown}`, " ", wanted), el("small", {}, command.description)];
}

/** As high as its text, as far as that goes. */
function fit() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

async function typed() {
  fit();
  problem.replaceChildren();
  if (!text.value.startsWith("/")) return list.close();
  if (text.value.length === 1 || !commands.length) commands = await offeredCommands().catch(() => []);
  const wanted = text.value.slice(1).toLowerCase();
  if (!text.value.startsWith("/")) return list.close();
  const whole = named(wanted);
  if (whole && wanted.length > whole.shown.length) return openTyped(whole);
  const fitting = commands.filter((each) => each.shown.startsWith(wanted));
  const others = commands.filter((each) => !each.shown.startsWith(wanted) && each.shown.includes(wanted));
  list.show([...fitting, ...others]);
  announce(list.items.length ? `${list.items.length} commands` : "No such command");
}

/** The command with whose whole name a text begins. */
const named = (typed) => commands.find((each) => `${typed} `.startsWith(`${each.shown} `));

const openTyped = (command) => open(command, text.value.slice(command.shown.length + 2));

/** Opens the command that stands in the box, or says that there is none. */
async function enterCommand() {
  commands = await offeredCommands().catch(() => []);
  const command = named(text.value.slice(1).toLowerCase());
  if (command) return openTyped(command);
  problem.replaceChildren(`There is no command ${text.value.split(/\s/)[0]} here. ${state.connected ? "" : "The bot is not connected yet."}`);
}

/** Opens a command; `rest` is what was typed behind its name: a value, or `name: value …`. */
function open(command, rest) {
  close();
  form = new CommandForm(command, (sent, options) => {
    if (sent) last = { command, options };
    close();
    text.focus();
  });
  bar.hidden = true;
  box.append(form.node);
  form.fill(readOptions(command, rest.trim()));
  for (const file of chosen.splice(0)) form.take(file);
  drawFiles();
  form.focus();
}

function readOptions(command, rest) {
  const names = command.options.map((option) => option.name);
  const marks = [...rest.matchAll(/(?:^|\s)([\p{L}\p{N}_-]+):(?=\s|$)\s*/gu)].filter((mark) => names.includes(mark[1]));
  if (!marks.length) return rest && command.options[0] ? { [command.options[0].original_name ?? command.options[0].name]: rest } : {};
  const values = marks.map((mark, index) => [mark[1], rest.slice(mark.index + mark[0].length, marks[index + 1]?.index).trim()]);
  return Object.fromEntries(values.filter(([, value]) => value !== ""));
}

function close() {
  form?.node.remove();
  form = null;
  bar.hidden = false;
  text.value = "";
  fit();
  list.close();
}

// Messages and files

function key(event) {
  if (list.key(event)) return;
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (text.value.startsWith("/") && text.value.length > 1) enterCommand();
    else say();
  } else if (event.key === "ArrowUp" && text.value === "" && last) {
    event.preventDefault();
    open(last.command, "");
    form.fill(last.options);
    form.focus();
  }
}

async function say() {
  const content = text.value.trim();
  if (!content && !chosen.length) return;
  const sent = chosen.splice(0);
  text.value = "";
  fit();
  drawFiles();
  try {
    const numbers = [];
    for (const file of sent) numbers.push((await upload(file)).id);
    await post(`/channels/${state.place}/messages`, { member: state.me, content, files: numbers });
  } catch (error) {
    text.value = content;
    chosen = sent;
    drawFiles();
    addNote(error instanceof Refusal ? error.message : "The local Discord does not answer. Your message was not sent.");
  }
}

function takeFiles(event, data) {
  const found = [...(data?.files ?? [])];
  if (!found.length || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  add(found);
}

function add(found) {
  const left = form ? found.filter((file) => !form.take(file)) : found;
  if (form && left.length) announce("The command takes no further files.");
  if (!form) chosen.push(...left);
  drawFiles();
}

function drawFiles() {
  files.hidden = chosen.length === 0;
  files.replaceChildren(
    ...chosen.map((file, index) =>
      el("li", {}, preview(file), el("span", {}, file.name || "pasted picture"), el("small", {}, sizeText(file.size)), iconButton("close", `Remove ${file.name}`, () => (chosen.splice(index, 1), drawFiles(), text.focus()))),
    ),
  );
}
