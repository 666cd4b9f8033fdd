// What there is to choose from in a select.

import { nameOf } from "./dom.js";
import { channel, channelName, guildOf } from "./state.js";

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
