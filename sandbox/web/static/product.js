// What the page knows about the bot. Everything else works with any bot.

export const IMAGINE = "imagine";
export const HELP = "help";
export const AGAIN_PREFIX = "imagine:again:";
