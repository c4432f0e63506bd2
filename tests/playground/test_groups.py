"""Groups, topics, and channels with their discussion group."""

from __future__ import annotations

import pytest
from aiogram import Bot, F, Router
from aiogram.types import Message

from playground import NotAllowed, Playground
from tests.playground.conftest import Api, polling


async def news(api: Api) -> list[dict]:
    """The new updates' bodies, with the kind under `kind`; confirms them."""
    updates = await api.result("getUpdates")
    if updates:
        await api.result("getUpdates", offset=updates[-1]["update_id"] + 1, limit=1)
    bodies = []
    for update in updates:
        (kind,) = update.keys() - {"update_id"}
        bodies.append({"kind": kind, **update[kind]})
    return bodies


async def test_a_group_message_names_its_author_and_marks_mentions(
    playground: Playground, api: Api
) -> None:
    playground.person("Борис").in_(playground.group).send("эй, @Test_Bot, привет")
    (message,) = await news(api)
    assert message["chat"] == {"id": playground.group.id, "type": "supergroup", "title": "Друзья"}
    assert message["from"]["first_name"] == "Борис"
    assert message["entities"] == [{"type": "mention", "offset": 4, "length": 9}]


async def test_a_reply_in_a_group_carries_its_thread(playground: Playground, api: Api) -> None:
    boris = playground.person("Борис").in_(playground.group)
    first = boris.send("вопрос")
    sent = await api.result(
        "sendMessage",
        chat_id=playground.group.id,
        text="ответ",
        reply_parameters={"message_id": first.message_id, "quote": "вопр"},
    )
    assert sent["message_thread_id"] == first.message_id
    assert sent["quote"] == {"text": "вопр", "position": 0, "is_manual": True}
    again = boris.send("уточнение", reply_to=sent["message_id"])
    assert again.message_thread_id == first.message_id
    assert again.reply_to_message is not None
    assert again.reply_to_message.reply_to_message is None


async def test_topics(playground: Playground, api: Api) -> None:
    forum = playground.forum
    topic, other = forum.topics
    vera = playground.person("Вера").in_(forum, topic)
    vera.send("вопрос")
    (message,) = [m for m in await news(api) if "text" in m]
    assert message["chat"]["is_forum"] is True
    assert (message["message_thread_id"], message["is_topic_message"]) == (topic, True)
    assert message["reply_to_message"]["message_id"] == topic
    assert "forum_topic_created" in message["reply_to_message"]
    await api.result("sendMessage", chat_id=forum.id, text="в теме", message_thread_id=topic)
    await api.result("sendMessage", chat_id=forum.id, text="в другой", message_thread_id=other)
    await api.result("sendMessage", chat_id=forum.id, text="в общей")
    replied = {"message_id": message["message_id"]}
    answer = await api.result(
        "sendMessage", chat_id=forum.id, text="ответ", reply_parameters=replied
    )
    assert answer["message_thread_id"] == topic
    assert [m.text for m in vera.messages if m.text] == ["вопрос", "в теме", "ответ"]


async def test_a_post_is_forwarded_to_the_discussion(playground: Playground, api: Api) -> None:
    channel, discussion = playground.channel, playground.discussion
    post = playground.person("Аня").in_(channel).send("новость дня")
    in_channel, forwarded = await news(api)
    assert in_channel["kind"] == "channel_post"
    assert in_channel["sender_chat"]["id"] == channel.id
    assert "from" not in in_channel
    assert forwarded["kind"] == "message"
    assert forwarded["is_automatic_forward"] is True
    assert forwarded["from"]["id"] == 777000
    assert forwarded["sender_chat"]["id"] == channel.id
    assert forwarded["forward_origin"]["message_id"] == post.message_id
    assert forwarded["forward_origin"]["chat"]["id"] == channel.id
    assert (await api.result("getChat", chat_id=channel.id))["linked_chat_id"] == discussion.id
    comments = playground.person("Борис").in_(discussion, forwarded["message_id"])
    comment = comments.send("ого", reply_to=forwarded["message_id"])
    assert comment.message_thread_id == forwarded["message_id"]


async def test_a_bot_comments_in_the_thread(playground: Playground, bot: Bot) -> None:
    router = Router()

    @router.message(F.is_automatic_forward)
    async def on_post(message: Message) -> None:
        await message.reply("первый!")

    discussion = playground.person("Борис").in_(playground.discussion)
    async with polling(bot, router):
        playground.person("Аня").in_(playground.channel).send("новость")
        comment = await discussion.wait_for("первый")
    root = next(m for m in discussion.messages if m.is_automatic_forward)
    assert comment.message_thread_id == root.message_id


async def test_a_bots_own_post_comes_back_only_as_a_forward(
    playground: Playground, api: Api
) -> None:
    sent = await api.result("sendMessage", chat_id="@novosti_dnya", text="пост бота")
    assert sent["sender_chat"]["id"] == playground.channel.id
    (forwarded,) = await news(api)
    assert forwarded["is_automatic_forward"] is True
    edit = {"chat_id": playground.channel.id, "message_id": sent["message_id"], "text": "правка"}
    assert (await api.result("editMessageText", **edit))["text"] == "правка"


async def test_anonymous_admins_and_channels_have_a_sender_chat(
    playground: Playground, api: Api
) -> None:
    anna = playground.person("Аня").in_(playground.group)
    anna.send("тайно", anonymous=True)
    anna.send("от канала", as_channel=playground.channel)
    anonymous, as_channel = await news(api)
    assert anonymous["from"]["id"] == 1087968824
    assert anonymous["sender_chat"]["id"] == playground.group.id
    assert as_channel["from"]["id"] == 136817688
    assert as_channel["sender_chat"]["id"] == playground.channel.id
    with pytest.raises(NotAllowed):
        playground.person("Борис").in_(playground.group).send("тайно", anonymous=True)
    with pytest.raises(NotAllowed):
        playground.person("Борис").in_(playground.channel).send("пост")


async def test_members_and_roles(playground: Playground, api: Api) -> None:
    group = playground.group
    boris = playground.person("Борис")
    member = await api.result("getChatMember", chat_id=group.id, user_id=boris.id)
    assert (member["status"], member["user"]["first_name"]) == ("member", "Борис")
    admins = await api.result("getChatAdministrators", chat_id=group.id)
    assert [(a["user"]["first_name"], a["status"]) for a in admins] == [
        ("Аня", "creator"),
        ("Бот", "administrator"),
    ]
    assert await api.result("getChatMemberCount", chat_id=group.id) == 4
    playground.person("Гость").in_(group).send("я новенький")
    assert await api.result("getChatMemberCount", chat_id=group.id) == 5


async def test_aiogram_reads_every_answer(playground: Playground, bot: Bot) -> None:
    group = playground.group.id
    assert (await bot.get_chat(group)).title == "Друзья"
    assert (await bot.get_chat_member(group, bot.id)).status == "administrator"
    assert len(await bot.get_chat_administrators(group)) == 2
    message = await bot.send_message(group, "закрепи меня")
    assert await bot.pin_chat_message(group, message.message_id)
    pinned = (await bot.get_chat(group)).pinned_message
    assert pinned is not None
    assert pinned.message_id == message.message_id
    forwarded = await bot.forward_message(group, group, message.message_id)
    assert forwarded.forward_origin is not None
    copied = await bot.copy_message(group, group, message.message_id)
    assert await bot.delete_messages(group, [copied.message_id, forwarded.message_id])
    assert await bot.send_location(group, 55.75, 37.62)
    assert await bot.send_venue(group, 55.75, 37.62, "Кремль", "Москва")
    assert await bot.get_webhook_info()
    assert await bot.create_forum_topic(playground.forum.id, "Новая")
