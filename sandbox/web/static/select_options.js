// The choices of a select menu.

import { nameOf } from "./dom.js";
import { channelName, getChannel, guildOf } from "./state.js";

const USER_SELECT = 5;
const ROLE_SELECT = 6;
const MENTIONABLE_SELECT = 7;
const CHANNEL_SELECT = 8;

/**
 * A select menu's own options, or the users, roles or channels of the server.
 * @param {Component} part
 * @returns {SelectOption[]}
 */
export function selectOptions(part) {
  const guild = guildOf(getChannel());
  const users = (guild?.members ?? []).map(({ user }) => ({ label: nameOf(user), value: user.id }));
  const roles = (guild?.roles ?? []).map((role) => ({ label: role.name, value: role.id }));
  switch (part.type) {
    case USER_SELECT:
      return users;
    case ROLE_SELECT:
      return roles;
    case MENTIONABLE_SELECT:
      return [...users, ...roles];
    case CHANNEL_SELECT:
      return (guild?.channels ?? []).map((channel) => ({
        label: `#${channelName(channel)}`,
        value: channel.id,
      }));
    default:
      return part.options ?? [];
  }
}
