// Discord's Markdown as nodes. What it cannot read stays as it was written.

import { el, nameOf } from "./dom.js";
import { channel, channelName, guildOf, lookAt, state, tell, user } from "./state.js";
import { timeNode } from "./times.js";

const JUMP = /^https:\/\/(?:\w+\.)?discord\.com\/channels\/(?:\d+|@me)\/(\d+)(?:\/(\d+))?$/;

const INLINE = [
  [/\\([^\w\s])/y, (found) => found[1]],
  [/```(?:[\w+-]+\n)?\n*([\s\S]+?)\n*```/y, (found) => el("pre", { tabindex: "0" }, el("code", {}, found[1]))],
  [/(`+)([\s\S]*?[^`])\1(?!`)/y, (found) => el("code", {}, found[2].trim() || found[2])],
  [/\|\|([\s\S]+?)\|\|/y, (found) => hidden(found[1])],
  [/\*\*\*([\s\S]+?)\*\*\*/y, (found) => el("strong", {}, el("em", {}, inline(found[1])))],
  [/\*\*((?:[^*]|\*(?!\*))+?)\*\*(?!\*)/y, (found) => el("strong", {}, inline(found[1]))],
  [/__([\s\S]+?)__(?!_)/y, (found) => el("u", {}, inline(found[1]))],
  [/~~([\s\S]+?)~~/y, (found) => el("s", {}, inline(found[1]))],
  [/\*(?=\S)((?:[^*\n]|\\\*)+?)(?<=\S)\*/y, (found) => el("em", {}, inline(found[1]))],
  [/_(?=\S)([^_\n]+?)_(?!\w)/y, (found, before) => (/\w/.test(before) ? null : el("em", {}, inline(found[1])))],
  [/\[((?:\\.|[^\]\\\n])+)\]\(<?(https?:\/\/[^\s)>]+)>?\)/y, (found) => link(found[2], inline(found[1]))],
  [/<(https?:\/\/[^\s>]+)>/y, (found) => link(found[1], [found[1]])],
  [/https?:\/\/[^\s<>"]*[^\s<>"'.,:;)\]|*_~`]/y, (found) => link(found[0], [found[0]])],
  [/<@!?(\d{1,20})>/y, (found) => mention(`@${user(found[1]) ? nameOf(user(found[1])) : "unknown-user"}`)],
  [/<@&(\d{1,20})>/y, (found) => mention(`@${roleName(found[1])}`)],
  [/<#(\d{1,20})>/y, (found) => place(found[1])],
  [/<\/([-_ \p{L}\p{N}]{1,100}):\d{1,20}>/uy, (found) => mention(`/${found[1]}`)],
  [/<a?:(\w{2,32}):\d{1,20}>/y, (found) => `:${found[1]}:`],
  [/<t:(-?\d{1,13})(?::([tTdDfFR]))?>/y, (found) => timeNode(Number(found[1]), found[2])],
  [/@(everyone|here)\b/y, (found) => mention(found[0])],
];

/** A whole text: paragraphs, headings, lists, quotes and what stands inside of them. */
export function markdown(text) {
  const blocks = [];
  for (const part of text.split(/(```[\s\S]+?```)/)) {
    if (part.startsWith("```") && part.length > 6) blocks.push(...inline(part));
    else lines(part, blocks);
  }
  return blocks;
}

function lines(text, blocks) {
  let run = [];
  const flush = () => {
    const joined = run.join("\n").replace(/^\n|\n$/g, "");
    if (joined.trim()) blocks.push(el("p", {}, inline(joined)));
    run = [];
  };
  const all = text.split("\n");
  for (let index = 0; index < all.length; index++) {
    const line = all[index];
    const heading = line.match(/^(#{1,3}|-#) +(.+)/);
    if (heading) {
      flush();
      const small = heading[1] === "-#";
      blocks.push(el("p", { class: small ? "subtext" : `heading h${heading[1].length}` }, inline(heading[2])));
    } else if (/^> /.test(line)) {
      flush();
      const quoted = take(all, index, /^> ?/);
      index += quoted.length - 1;
      blocks.push(el("blockquote", {}, inline(quoted.join("\n"))));
    } else if (/^ *(?:[-*]|\d+\.) +\S/.test(line)) {
      flush();
      const numbered = /^ *\d/.test(line);
      const items = take(all, index, numbered ? /^ *\d+\. +/ : /^ *[-*] +/);
      index += items.length - 1;
      const start = numbered ? line.match(/\d+/)[0] : null;
      blocks.push(el(numbered ? "ol" : "ul", { start }, items.map((item) => el("li", {}, inline(item)))));
    } else run.push(line);
  }
  flush();
}

/** The lines from `start` that begin so, without their beginning. */
function take(all, start, beginning) {
  let end = start;
  while (end < all.length && beginning.test(all[end])) end++;
  return all.slice(start, end).map((line) => line.replace(beginning, ""));
}

/** What stands within a line. */
export function inline(text) {
  const nodes = [];
  let plain = "";
  for (let at = 0; at < text.length; ) {
    let made = null;
    for (const [pattern, make] of INLINE) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      made = found && make(found, text[at - 1] ?? "");
      if (made === null) continue;
      at += found[0].length;
      break;
    }
    if (made === null) plain += text[at++];
    else if (typeof made === "string") plain += made;
    else {
      if (plain) nodes.push(plain);
      nodes.push(made);
      plain = "";
    }
  }
  if (plain) nodes.push(plain);
  return nodes;
}

function mention(text) {
  return el("span", { class: "mention" }, text);
}

function roleName(id) {
  const roles = state.guilds.flatMap((guild) => guild.roles);
  return roles.find((role) => role.id === id)?.name ?? "unknown-role";
}

function place(id) {
  const known = channel(id);
  if (!known) return mention("#unknown");
  return el("button", { type: "button", class: "mention", onclick: () => lookAt(id) }, `#${channelName(known)}`);
}

/** A link; one to a message of Discord's leads there within this page. */
function link(address, words) {
  const [, id, message] = address.match(JUMP) ?? [];
  if (id) {
    const here = words.length === 1 && words[0] === address;
    const shown = here ? [whereTo(id, message)] : words;
    return el("button", { type: "button", class: here ? "mention" : "link", onclick: () => tell("jump", { channel: id, message }) }, shown);
  }
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, words);
}

function whereTo(id, message) {
  const known = channel(id);
  if (!known) return "Go there"; // it may have been opened only now
  const guild = guildOf(known);
  return `${guild ? `${guild.name} › #` : ""}${channelName(known)}${message ? " › message" : ""}`;
}

function hidden(text) {
  const inside = el("span", { "aria-hidden": "true" }, inline(text));
  const node = el("button", { type: "button", class: "spoiler", "aria-label": "Spoiler, press to read" }, inside);
  node.addEventListener("click", () => node.replaceWith(el("span", { class: "revealed" }, inline(text))));
  return node;
}
