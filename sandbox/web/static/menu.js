// The menu of a message or a member: what the bot offers for it, and copying.

import { Refusal, get, post } from "./api.js";
import { announce, el } from "./dom.js";
import { openModal } from "./modal.js";
import { addNote } from "./notes.js";
import { state } from "./state.js";

const USER_MENU = 2, MESSAGE_MENU = 3, EPHEMERAL = 1 << 6;

let close = () => {};

/** Opens the menu of a message beside `anchor`, or at the pointer. */
export async function openMenu(message, anchor, pointer = null) {
  if (!message) return;
  const ephemeral = (message.flags & EPHEMERAL) !== 0;
  const entries = ephemeral ? [] : await apps(MESSAGE_MENU, { message: message.id });
  const text = message.content || message.embeds.map((embed) => [embed.title, embed.description].filter(Boolean).join("\n")).join("\n");
  if (text) entries.push(["Copy text", () => copy(text)]);
  entries.push(["Copy message ID", () => copy(message.id)]);
  show(entries, anchor, pointer, "Message");
}

/** Opens the menu of a member. */
export async function openUserMenu(user, anchor, pointer = null) {
  const entries = await apps(USER_MENU, { target: user.id });
  entries.push(["Copy user ID", () => copy(user.id)]);
  show(entries, anchor, pointer, "Member");
}

async function apps(kind, target) {
  const place = state.place;
  const commands = await get(`/channels/${place}/commands`, { member: state.me }).catch(() => []);
  return commands
    .filter((command) => command.type === kind)
    .map((command) => [command.name, () => choose(command, place, target), "app"]);
}

async function choose(command, place, target) {
  try {
    const name = command.original_name ?? command.name;
    const outcome = await post("/menus/use", { member: state.me, channel: place, name, ...target });
    if (outcome.kind === "modal") openModal(outcome);
    if (outcome.kind === "failed") addNote(`${command.name}: ${outcome.error}.`);
  } catch (error) {
    addNote(error instanceof Refusal ? error.message : "The local Discord does not answer.");
  }
}

async function copy(text) {
  await navigator.clipboard?.writeText(text).then(
    () => announce("Copied."),
    () => addNote("The browser does not let this page copy."),
  );
}

function show(entries, anchor, pointer, label) {
  close();
  const back = document.activeElement === document.body ? anchor : document.activeElement;
  const items = entries.map(([name, act, group]) => {
    const item = el("button", { type: "button", role: "menuitem", tabindex: "-1" }, name, group && el("small", { class: "app" }, "APP"));
    item.addEventListener("click", () => (close(), act()));
    return item;
  });
  const menu = el("div", { class: "menu", role: "menu", "aria-label": label }, items);
  menu.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const at = items.indexOf(document.activeElement);
    if (step) items[(at + step + items.length) % items.length].focus();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items.at(-1).focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
  });
  (anchor.closest("main, aside") ?? document.body).append(menu);
  const box = anchor.getBoundingClientRect();
  const x = pointer?.clientX ?? box.right - menu.offsetWidth;
  const y = pointer?.clientY ?? Math.min(box.bottom, innerHeight / 2) + 4;
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(y, innerHeight - menu.offsetHeight - 8))}px`;
  const outside = (event) => menu.contains(event.target) || close();
  close = () => {
    document.removeEventListener("pointerdown", outside, true);
    menu.remove();
    close = () => {};
    back?.focus({ preventScroll: true });
  };
  document.addEventListener("pointerdown", outside, true);
  items[0].focus();
}
