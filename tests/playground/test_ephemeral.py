"""Messages in a group that one person sees."""

from __future__ import annotations

from playground import Playground
from tests.playground.conftest import Api


async def test_one_person_sees_it_until_it_is_deleted(api: Api, playground: Playground) -> None:
    anya, boris = playground.person("Аня"), playground.person("Боря")
    group = anya.in_(playground.group)
    group.send("привет")
    beside = boris.in_(playground.group)
    beside.send("и мне")
    only = {"receiver_user_id": anya.id}
    chat = {"chat_id": playground.group.id}
    sent = await api.result(
        "sendMessage", **chat, text="только тебе", ephemeral_message_parameters=only
    )
    assert sent["message_id"] == 0
    assert sent["receiver_user"]["id"] == anya.id
    assert group.messages[-1].text == "только тебе"
    assert beside.messages[-1].text == "и мне"
    which = {**chat, **only, "ephemeral_message_id": sent["ephemeral_message_id"]}
    assert await api.result("editEphemeralMessageText", **which, text="иначе")
    assert group.messages[-1].text == "иначе"
    assert await api.result("deleteEphemeralMessage", **which)
    assert group.messages[-1].text == "и мне"


async def test_what_is_refused(api: Api, playground: Playground) -> None:
    anya = playground.person("Аня")
    anya.in_(playground.group).send("привет")
    anya.private.send("привет")
    only = {"receiver_user_id": anya.id}
    group = {"chat_id": playground.group.id}
    private = {"chat_id": anya.private.chat.id, "text": "x"}
    message = {**group, "text": "x"}
    assert "only to groups" in await api.error(
        "sendMessage", **private, ephemeral_message_parameters=only
    )
    for nobody in ({"receiver_user_id": 1}, {}, "x"):
        assert await api.error("sendMessage", **message, ephemeral_message_parameters=nobody)
    sent = await api.result("sendMessage", **message, ephemeral_message_parameters=only)
    number = sent["ephemeral_message_id"]
    assert "not found" in await api.error(
        "editMessageText", **group, message_id=number, text="иначе"
    )
    assert "not found" in await api.error(
        "deleteEphemeralMessage", **group, receiver_user_id=1, ephemeral_message_id=number
    )
