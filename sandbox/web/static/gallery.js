// All finished pictures with their recipes; each can be painted again.

import { Refusal, get, post } from "./api.js";
import { runCommand } from "./command_form.js";
import { el, icon } from "./dom.js";
import { addNote } from "./notes.js";
import { pictureNode } from "./pictures.js";
import { channel, channelName, guildOf, lookAt, on, state, tell } from "./state.js";

export function showGallery(box) {
  on("view", (view) => {
    box.hidden = view !== "gallery";
    if (!box.hidden) draw(box);
  });
  on("everything", () => box.hidden || draw(box));
  on("message", () => box.hidden || draw(box));
}

let drawn = 0;

async function draw(box) {
  const number = ++drawn;
  const pictures = await get("/gallery", { member: state.me }).catch(() => null);
  if (number !== drawn) return;
  const said = JSON.stringify(pictures?.map((picture) => picture.id));
  if (box.said === said && box.me === state.me) return;
  box.said = said;
  box.me = state.me;
  const cards = (pictures ?? []).map(card);
  box.replaceChildren(
    el("h2", {}, "Gallery"),
    cards.length
      ? el("ul", { class: "cards" }, cards)
      : el("p", { class: "hint" }, pictures ? "No picture is finished yet. They appear here with their recipes, which you can run again." : "The local Discord does not answer."),
  );
}

function card(picture) {
  const { recipe } = picture;
  const place = channel(picture.channel_id);
  const options = optionsOf(recipe);
  const again = picture.components.flatMap((row) => row.components ?? []).find((part) => part.custom_id?.startsWith("imagine:again:"));
  const facts = [
    ["Include", prompts(recipe.include, recipe.include_pictures)],
    ["Exclude", prompts(recipe.exclude, recipe.exclude_pictures)],
    ["Size", `${recipe.width}×${recipe.height}`],
    ["Steps", recipe.steps],
    ["Seed", (recipe.seed + picture.row) % 2 ** 32],
    ["Picture", recipe.count > 1 && `${picture.row + 1} of ${recipe.count}`],
    ["Style", recipe.preset],
  ].filter(([, value]) => value || value === 0);
  return el(
    "li",
    { class: "card" },
    pictureNode(picture),
    el("dl", {}, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(value))))),
    el(
      "div",
      { class: "row" },
      options
        ? el("button", { type: "button", class: "first", onclick: () => run(picture, options) }, icon("again"), "Run again")
        : el("p", { class: "hint" }, "It begins with another picture, which a command cannot name."),
      again && el("button", { type: "button", class: "second", onclick: () => press(picture, again) }, icon("dice"), "New seed"),
      place && el("button", { type: "button", class: "link", onclick: () => show(picture) }, `In ${place.guild_id ? `${guildOf(place).name} #` : ""}${channelName(place)}`),
    ),
  );
}

/** The recipe as options of /imagine; null where it needs what no option can say. */
function optionsOf(recipe) {
  if (recipe.source || recipe.initial || recipe.include_pictures.length || recipe.exclude_pictures.length) return null;
  const options = { include: prompts(recipe.include), size: `${recipe.width}x${recipe.height}`, steps: recipe.steps, seed: recipe.seed };
  if (recipe.exclude.length) options.exclude = prompts(recipe.exclude);
  if (recipe.count > 1) options.count = recipe.count;
  return options;
}

/** Prompts as one types them: bars between, a weight behind the last colon. */
function prompts(texts, pictures = []) {
  const written = texts.map(({ text, weight }) => {
    const escaped = text.replace(/\||\\(?=[\\|])/g, "\\$&");
    if (weight === 1 && !text.includes(":")) return escaped;
    return `${escaped}${/\d$/.test(text) ? " " : ""}:${weight < 1e-6 ? weight.toFixed(20).replace(/0+$/, "") : weight}`;
  });
  return [...written, ...pictures.map(() => "a picture")].join(" | ");
}

async function run(picture, options) {
  show(picture);
  try {
    await runCommand("imagine", "imagine", options);
  } catch (error) {
    complain(error);
  }
}

async function press(picture, button) {
  show(picture);
  try {
    const wish = { member: state.me, channel: picture.channel_id, message: picture.message_id, custom_id: button.custom_id };
    const outcome = await post("/components/use", wish);
    if (outcome.kind === "failed") addNote(`${outcome.error}.`);
  } catch (error) {
    complain(error);
  }
}

function complain(error) {
  addNote(error instanceof Refusal ? error.message : "The local Discord does not answer.");
}

function show(picture) {
  tell("view", "channel");
  lookAt(picture.channel_id);
  tell("jump", { channel: picture.channel_id, message: picture.message_id });
}
