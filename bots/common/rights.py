"""Who may decide for everybody in a chat."""

from __future__ import annotations

from aiogram import Bot
from aiogram.enums import ChatMemberStatus
from aiogram.types import Message

from bots.common.conversation import author_of, is_private
from services.media.documents.shelf import DocumentShelf
from services.storage import ConversationKey

_ADMINS = (ChatMemberStatus.CREATOR, ChatMemberStatus.ADMINISTRATOR)


async def clear_documents(
    documents: DocumentShelf, key: ConversationKey, message: Message, bot: Bot
) -> None:
    """Take documents out of a talk: in a group everybody takes out their own, an admin all."""
    author = None if await may_decide(message, bot) else author_of(message).id
    await documents.clear(key, author)


async def may_decide(message: Message, bot: Bot) -> bool:
    """Whether the author decides for the chat: their own private one, or as a group's admin."""
    if is_private(message):
        return True
    if message.sender_chat:  # an admin who writes in the group's name
        return message.sender_chat.id == message.chat.id
    if message.from_user is None:
        return False
    member = await bot.get_chat_member(message.chat.id, message.from_user.id)
    return member.status in _ADMINS
