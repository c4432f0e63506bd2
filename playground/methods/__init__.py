"""The Bot API's methods, by what they are about; importing this registers them all."""

from playground.methods import bot, chats, edits, media, messages, receiving, rich

__all__ = ["bot", "chats", "edits", "media", "messages", "receiving", "rich"]
