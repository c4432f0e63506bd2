"""Who may teach Grisha: a person themselves, two others, an operator; nobody else."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from bots.grisha.assistant import Grisha
from bots.grisha.bot import open_grisha
from bots.grisha.config import GrishaSettings
from bots.grisha.knowledge import OWN_DATASET, PATTERNS, Knowledge
from bots.grisha.learning import PatternRow, Status, is_safe, is_thanks
from bots.grisha.messages import IncomingMessage
from bots.grisha.people import UserRow
from services.retrieval import Exchange, MemoryIndex
from services.storage import ConversationKey, Database, StorageSettings
from tests.fakes.chat import FakeChatModel

QUESTION = "Зачем коту усы?"
GOOD = "Кот усами чует стены, мышей и настроение хозяина дома."
SAD = "Мне грустно"
ANYA, BORIS, CLARA, DIMA, OPERATOR = 1, 2, 3, 4, 99

PRIVATE = """
    пин карты 4821
    код от домофона 17 345
    номер паспорта 45 08 123456
    телефон +7 912 345-67-89
    почта anna@example.org
    ник в телеграме @anna_the_best
    логин admin пароль qwerty
    пароль от роутера кошка
    маша изменяет мужу
    Маша изменяет мужу
    как помирить вову и свету из третьей
    петров ворует на складе
    чем болеет оля из бухгалтерии
    Лена Смирнова беременна от начальника
    юля развелась с димой
    моими врачами назначен литий
    мой диагноз шизофрения
    у меня рак, что делать
    меня бьёт отец
    мне назначили антидепрессанты
    со мной не разговаривает жена
    я живу в Туле
    я ворую на работе
    я работаю в разведке
    болею уже неделю, что пить
    пью каждый вечер, как бросить
    изменяю жене, стыдно
    зарабатываю двести тысяч, мало
    наш бюджет на ремонт
    нашу квартиру затопили соседи
    адрес дачи знаешь
    ключ лежит под ковриком на улице Мира, ул. тихая
    моя жена уехала с другим
    моему сыну поставили двойку
    зови меня хозяин
    кредит 350000 рублей, как отдать
    сколько это 777 в юанях
    код четыре восемь два один от сейфа
    встречаемся завтра с катей у фонтана
    сайт www.tajna.ru про что
    ссылка https://t.me/secret куда ведёт
    сергей михайлович берёт взятки
""".strip().splitlines()


class Stage:
    """Grisha over a database of his own, and people who talk to him in private."""

    def __init__(self, grisha: Grisha, model: FakeChatModel, database: Database) -> None:
        self.grisha, self.model, self.database = grisha, model, database
        self.learning = grisha.learning
        self._numbers = iter(range(1, 1_000_000))

    async def meet(self, *people: int, days: int = 3) -> None:
        """Let people be known since some days."""
        past = datetime.now(UTC) - timedelta(days=days)
        for person in people:
            await self.grisha.users.see(person, person)
        async with self.database.session() as session:
            known = update(UserRow).where(UserRow.id.in_(people))
            await session.execute(known.values(first_seen=past))

    async def ask(
        self, person: int, question: str = QUESTION, answer: str = GOOD, chat: int | None = None
    ) -> tuple[str, int]:
        """Ask; the model says `answer` if it is asked. Returns the answer and its message."""
        number = next(self._numbers)
        self.model.default = answer
        key = ConversationKey("grisha", chat or person)
        heard = IncomingMessage(key, question, person, f"Имя{person}", number, group=bool(chat))
        plan = await self.grisha.plan(heard)
        said = "".join([chunk.text async for chunk in self.grisha.answer(plan)])
        message = next(self._numbers)
        await self.grisha.remember(plan, said, message)
        return said, message

    async def ask_and_like(self, person: int, question: str = QUESTION, answer: str = GOOD) -> int:
        _, message = await self.ask(person, question, answer)
        await self.grisha.rate(person, message, person, 1)
        pattern = await self.learning.shown_in(person, message)
        return pattern or 0

    async def hears(self, person: int, question: str = QUESTION) -> str:
        """What a person hears who never asked before, from a model that has other words."""
        return (await self.ask(person, question, "Это ответ модели, он ни о чём таком."))[0]

    async def confirmed(self) -> int:
        return (await self.learning.stats()).confirmed


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Database.open(StorageSettings(data_dir=tmp_path)) as database:
        index = MemoryIndex(database, None)
        await index.open()
        await index.add(OWN_DATASET.stem, Exchange(SAD, "Обнимаю. Что случилось?"))
        model = FakeChatModel()
        grisha = open_grisha(model, database, Knowledge(index), GrishaSettings())
        stage = Stage(grisha, model, database)
        await stage.meet(ANYA, BORIS, CLARA, DIMA)
        yield stage


async def test_ones_own_word_counts_for_oneself(stage: Stage) -> None:
    await stage.ask_and_like(ANYA)
    assert await stage.confirmed() == 0
    assert await stage.hears(BORIS) != GOOD
    for number in range(6):  # what was said just now isn't repeated
        await stage.hears(ANYA, f"Расскажи про погоду номер {number}")
    assert await stage.hears(ANYA) == GOOD


async def test_in_a_group_ones_own_answer_is_not_repeated(stage: Stage) -> None:
    await stage.ask_and_like(ANYA)
    said, _ = await stage.ask(ANYA, QUESTION, "Другими словами: чтобы было.", chat=-7)
    assert said != GOOD


async def test_two_others_who_asked_the_same_confirm_for_everybody(stage: Stage) -> None:
    for person in (ANYA, BORIS, CLARA):
        assert await stage.confirmed() == 0
        await stage.ask_and_like(person)
    assert await stage.confirmed() == 1
    assert await stage.hears(DIMA) == GOOD


async def test_votes_of_those_who_did_not_ask_share_nothing(stage: Stage) -> None:
    _, message = await stage.ask(ANYA, chat=-7)
    for person in (BORIS, CLARA, DIMA):
        await stage.grisha.rate(-7, message, person, 1)
    assert await stage.confirmed() == 0


async def test_a_word_that_only_one_person_said_stays_theirs(stage: Stage) -> None:
    for person in (ANYA, BORIS, CLARA):
        own = "рыжему" if person == ANYA else ""
        await stage.ask_and_like(person, f"Зачем же коту {own} такие длинные усы на морде?")
    (confirmed,) = await stage.learning.list(Status.CONFIRMED)
    assert "рыжему" not in confirmed.question


async def test_an_operator_confirms_and_rejects_for_good(stage: Stage) -> None:
    pattern = await stage.ask_and_like(ANYA)
    await stage.learning.set_status(pattern, Status.CONFIRMED)
    said, message = await stage.ask(BORIS)
    assert said == GOOD
    await stage.grisha.rate(BORIS, message, BORIS, -1)
    assert await stage.confirmed() == 1  # one dislike doesn't overrule an operator
    assert await stage.hears(BORIS) != GOOD  # but whoever disliked it is spared
    await stage.learning.set_status(pattern, Status.REJECTED)
    for person in (BORIS, CLARA, DIMA):
        await stage.ask_and_like(person)
    assert (await stage.learning.get(pattern) or PatternRow()).status == Status.REJECTED.value


async def test_a_shipped_answer_stays(stage: Stage) -> None:
    for person in (ANYA, BORIS, CLARA):
        await stage.ask_and_like(person, SAD, GOOD)
    pattern = await stage.learning.put(Exchange(SAD, GOOD))
    await stage.learning.set_status(pattern, Status.CONFIRMED)
    assert await stage.hears(DIMA, SAD) == "Обнимаю. Что случилось?"


async def test_votes_of_accounts_first_seen_today_do_not_count(stage: Stage) -> None:
    await stage.ask_and_like(ANYA)
    for newcomer in (11, 12):
        await stage.ask_and_like(newcomer)
    assert await stage.confirmed() == 0


async def test_votes_of_banned_accounts_do_not_count(stage: Stage) -> None:
    await stage.grisha.ban(CLARA, -7)
    for person in (ANYA, BORIS, CLARA):
        await stage.ask_and_like(person)
    assert await stage.confirmed() == 0
    await stage.grisha.unban(CLARA, -7)
    assert await stage.confirmed() == 1
    await stage.grisha.ban(BORIS, -7)
    assert await stage.confirmed() == 0
    assert await stage.hears(DIMA) != GOOD


async def test_one_dislike_undoes_no_two_votes(stage: Stage) -> None:
    for person in (ANYA, BORIS, CLARA):
        pattern = await stage.ask_and_like(person)
    assert pattern
    _, message = await stage.ask(DIMA)
    await stage.grisha.rate(DIMA, message, DIMA, -1)
    assert await stage.confirmed() == 1


@pytest.mark.parametrize("phrase", PRIVATE)
def test_private_phrasings_are_not_learned(phrase: str) -> None:
    assert not is_safe(Exchange(phrase.strip(), "Понимаю, это бывает с каждым из людей."))
    assert not is_safe(Exchange("Что нового слышно?", f"Слышно вот что: {phrase.strip()}")) or (
        is_about_grisha(phrase)
    )


def is_about_grisha(phrase: str) -> bool:
    """In an answer «я» is Grisha, and verbs without a name are his too."""
    words = phrase.split()
    return not any(letter.isdigit() for letter in phrase) and bool(
        {"я", "меня", "мне", "мной", "мой", "моя", "моими", "моему", "наш", "нашу"} & {*words}
        or words[0] in ("болею", "пью", "изменяю", "зарабатываю")
    )


@pytest.mark.parametrize(
    "question",
    [QUESTION, "Почему небо синее?", "Как варить борщ?", "Что почитать вечером?",
     "Чем отличается кофе от чая?", "Кто построил пирамиды?"],
)  # fmt: skip
def test_what_anybody_may_ask_can_be_learned(question: str) -> None:
    assert is_safe(Exchange(question, GOOD))


@pytest.mark.parametrize(
    ("text", "thanks"),
    [("спасибо!", True), ("Большое спасибо, Гриша", True), ("спс", True), ("пасибки", True),
     ("спасибо, помогло", True), ("спасибо за совет", True), ("спасибо, а где?", False),
     ("большое", False), ("", False), ("не спасибо", False)],
)  # fmt: skip
def test_a_thank_you_says_nothing_else(text: str, thanks: bool) -> None:
    assert is_thanks(text) is thanks


async def test_private_things_never_reach_another_person(stage: Stage) -> None:
    for phrase in PRIVATE:
        question = phrase.strip()
        secret = f"Ответ про это: {question}, и никому ни слова."
        await stage.ask_and_like(ANYA, question, secret)
        await stage.ask(ANYA, "спасибо")
        assert await stage.hears(BORIS, question) != secret
        prompt = [message.content for call in stage.model.history[-1:] for message in call[0]]
        assert secret not in prompt


async def test_an_entry_whose_row_failed_is_shown_to_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = await stage.ask_and_like(ANYA)

    async def fail(*_: object, **__: object) -> bool:
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(stage.learning, "_write_status", fail)
        patch.setattr(stage.grisha.knowledge.index, "remove", fail)
        with pytest.raises(OSError, match="disk"):
            await stage.learning.set_status(pattern, Status.CONFIRMED)
    assert await stage.grisha.knowledge.index.count(PATTERNS) == 1  # the entry is left over
    assert await stage.hears(BORIS) != GOOD
    await stage.learning.reconcile()
    assert await stage.grisha.knowledge.index.count(PATTERNS) == 0


async def test_after_a_dislike_and_a_delete_the_answer_is_gone(stage: Stage) -> None:
    pattern = await stage.ask_and_like(ANYA)
    await stage.learning.set_status(pattern, Status.CONFIRMED)
    _, message = await stage.ask(BORIS)
    await stage.grisha.rate(BORIS, message, BORIS, -1)
    assert await stage.learning.delete(pattern)
    assert await stage.grisha.knowledge.index.count(PATTERNS) == 0
    assert await stage.hears(DIMA) != GOOD
    assert await stage.hears(ANYA, QUESTION) != GOOD


async def test_patterns_that_their_author_confirmed_before_go_back(stage: Stage) -> None:
    pattern = await stage.ask_and_like(ANYA)
    await stage.learning._set_status(pattern, Status.CONFIRMED, by_operator=False)
    assert await stage.hears(BORIS) == GOOD
    await stage.learning.reconcile()
    assert await stage.hears(CLARA) != GOOD


async def test_operators_read_what_waits_and_others_its_number(stage: Stage) -> None:
    await stage.ask_and_like(ANYA)
    assert QUESTION in await stage.grisha.describe_learning(operator=True)
    everybody = await stage.grisha.describe_learning()
    assert QUESTION not in everybody
    assert "на проверке: 1" in everybody


@pytest.mark.parametrize("seed", range(20))
async def test_nothing_unapproved_reaches_another_person(stage: Stage, seed: int) -> None:
    """Ten hostile sequences a seed: votes, thanks, deletes, bans and replays, in any order."""
    for number in range(10):
        await _play(stage, random.Random(10 * seed + number), number)


async def _play(stage: Stage, rng: random.Random, number: int) -> None:
    """Two hostile accounts and a new one try to teach a victim; an operator may allow it."""
    poison = f"Яд с привкусом {'абвгдежзик'[number]} для всех и каждого из вас."
    question = f"Какого вкуса {'абвгдежзик'[number] * 3} чужие тайны?"
    allowed = False
    votes: list[tuple[int, int, int]] = []
    for _ in range(rng.randint(3, 9)):
        attacker = rng.choice((ANYA, BORIS, 50 + number))
        act = rng.choice(("ask", "like", "thanks", "replay", "dislike", "ban", "delete", "allow"))
        pattern = votes[-1][2] if votes else None
        if act in ("ask", "like"):
            _, message = await stage.ask(attacker, question, poison)
            shown = await stage.learning.shown_in(attacker, message)
            if shown:
                votes.append((attacker, message, shown))
            if act == "like":
                await stage.grisha.rate(attacker, message, attacker, 1)
        elif act == "thanks":
            await stage.ask(attacker, "спасибо")
        elif act in ("replay", "dislike") and votes:
            chat, message, _ = rng.choice(votes)
            await stage.grisha.rate(chat, message, attacker, 1 if act == "replay" else -1)
        elif act == "ban":
            await stage.grisha.ban(attacker, -7)
        elif act == "delete" and pattern:
            await stage.learning.delete(pattern)
        elif act == "allow" and pattern and rng.random() < 0.2:
            allowed = await stage.learning.set_status(pattern, Status.CONFIRMED) is not None
        heard = await stage.hears(DIMA, question)
        assert allowed or heard != poison, act
        assert allowed or poison not in str(stage.model.history[-1][0])
    await stage.grisha.reset(ConversationKey("grisha", DIMA))
