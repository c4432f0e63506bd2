"""Templates, schemas, code blocks, samples, files: how answers are asked for and shaped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.answers import first_code_block
from cli.shell import Problem
from cli.structured import check, read_schema
from tests.cli.conftest import Outcome, Shell
from tests.fakes.gigachat import GigaChatServer
from tests.fakes.openai_server import Answer, OpenAIServer, Refusal

CLI = "cli/hf_cli.py"
FLAT = {"name": "Анна", "rooms": 2}


def template(shell: Shell, tmp_path: Path, name: str, text: str, encoding: str = "utf-8") -> None:
    folder = tmp_path / "user" / "templates"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_bytes(text.encode(encoding))
    shell.env["LLM_USER_DIR"] = str(tmp_path / "user")


def asked(server: OpenAIServer) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in server.bodies[-1]["messages"]]


TRANSLATION = """
description = "Перевод на любой язык"
prompt = "Переведи на $lang: $input. Цена: $5, $$lang"
system = "Ты переводчик, стиль: ${стиль}"
model = "org/translator"
temperature = 0.3
[defaults]
"стиль" = "деловой"
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
async def test_a_template_is_filled(
    shell: Shell, server: OpenAIServer, tmp_path: Path, encoding: str
) -> None:
    template(shell, tmp_path, "перевод", TRANSLATION, encoding)
    outcome = await shell.run(CLI, "-t", "перевод", "-p", "lang=немецкий", "Мой $lang текст")
    assert outcome.code == 0, outcome.err
    assert asked(server) == [
        ("system", "Ты переводчик, стиль: деловой"),
        ("user", "Переведи на немецкий: Мой $lang текст. Цена: $5, $lang"),
    ]
    body = server.bodies[-1]
    assert (body["model"], body["temperature"]) == ("org/translator", 0.3)


async def test_options_win_over_the_template(
    shell: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    template(shell, tmp_path, "перевод", TRANSLATION)
    options = ("--model", "org/x", "--system", "Своё", "--temperature", "0")
    await shell.run(CLI, "-t", "перевод", "-p", "lang=x", "-p", "стиль=y", *options, "Текст")
    assert asked(server)[0] == ("system", "Своё")
    assert (server.bodies[-1]["model"], server.bodies[-1]["temperature"]) == ("org/x", 0)


async def test_a_template_without_input(shell: Shell, server: OpenAIServer, tmp_path: Path) -> None:
    template(shell, tmp_path, "шутка", 'prompt = "Расскажи шутку"')
    assert (await shell.run(CLI, "-t", "шутка")).code == 0
    assert asked(server) == [("user", "Расскажи шутку")]
    assert (await shell.run(CLI, "-t", "шутка", "про котов")).code == 0
    assert asked(server) == [("user", "Расскажи шутку\n\nпро котов")]


async def test_a_system_template_reads_stdin(
    shell: Shell, server: OpenAIServer, tmp_path: Path
) -> None:
    template(shell, tmp_path, "кратко", 'system = "Перескажи кратко"')
    assert (await shell.run(CLI, "-t", "кратко", stdin="Длинный текст")).code == 0
    assert asked(server) == [("system", "Перескажи кратко"), ("user", "Длинный текст")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('prompt = "$a $b $input"', "добавь: -p a=… -p b=…"),
        ('prompt = "x', "не прочитать"),
        ('promt = "x"', "нет поля 'promt'"),
        ("prompt = 5", "у prompt неподходящее значение 5"),
        ('prompt = "x"\nmax_tokens = true', "у max_tokens неподходящее"),
        ('model = "x"', "нужен prompt или system"),
        ('prompt = "x"\nbackend = "яндекс"', "backend — одно из"),
    ],
)
async def test_a_wrong_template_is_told(
    shell: Shell, server: OpenAIServer, tmp_path: Path, text: str, words: str
) -> None:
    template(shell, tmp_path, "плохой", text)
    outcome = await shell.run(CLI, "-t", "плохой", "Текст")
    assert outcome.code == 1
    assert words in outcome.err
    assert not server.calls


@pytest.mark.parametrize("name", ["нет", "../плохой", "", "a/b"])
async def test_a_template_that_is_not_there(shell: Shell, tmp_path: Path, name: str) -> None:
    template(shell, tmp_path, "хороший", 'prompt = "x"')
    (tmp_path / "user" / "плохой.toml").write_text('prompt = "x"')
    outcome = await shell.run(CLI, "-t", name, "Текст")
    assert outcome.code == 1
    assert "есть: хороший" in outcome.err


async def test_templates_are_listed(shell: Shell, tmp_path: Path) -> None:
    empty = await shell.run(CLI, "--templates")
    assert "Шаблонов пока нет" in empty.out
    template(shell, tmp_path, "перевод", TRANSLATION)
    template(shell, tmp_path, "сломан", "prompt =")
    listed = await shell.run(CLI, "--templates")
    assert listed.code == 0
    assert "перевод  Перевод на любой язык  ($lang $input $стиль)" in listed.out
    assert "сломан: " in listed.out


SHORT = "name: str, rooms: int"


async def structured(shell: Shell, *options: str, schema: str = SHORT) -> Outcome:
    return await shell.run(CLI, "--schema", schema, *options, "Двушка Анны")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FLAT),
        f"Вот:\n```json\n{json.dumps(FLAT)}\n```\nГотово.",
        f"Конечно! {json.dumps(FLAT, indent=1)} Обращайся.",
    ],
)
async def test_an_answer_that_fits_is_printed(
    shell: Shell, server: OpenAIServer, text: str
) -> None:
    server.default = Answer(text)
    outcome = await structured(shell, "--stream")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == FLAT
    assert "Анна" in outcome.out, "Russian letters stay readable"
    assert len(server.calls) == 1
    assert '"rooms": {"type": "integer"}' in asked(server)[0][1]


async def test_one_that_does_not_fit_is_asked_for_once_more(
    shell: Shell, server: OpenAIServer
) -> None:
    server.enqueue(Answer('{"name": "Анна", "rooms": "две"}'), Answer(json.dumps(FLAT)))
    outcome = await structured(shell)
    assert (outcome.code, json.loads(outcome.out)) == (0, FLAT)
    assert [role for role, _ in asked(server)] == ["system", "user", "assistant", "user"]
    assert '$.rooms: нужен тип "integer"' in asked(server)[-1][1]
    first, second = (len(call.body["messages"]) for call in server.calls)
    assert first < second
    assert "токены: " in outcome.err


async def test_a_schema_holds_for_its_question_alone(shell: Shell, server: OpenAIServer) -> None:
    shell.env["LLM_LOG"] = "on"
    server.default = Answer(json.dumps(FLAT))
    await structured(shell, "--system", "Кратко")
    await shell.run(CLI, "-c", "А словами?")
    assert asked(server)[0] == ("system", "Кратко")
    await structured(shell)
    await shell.run(CLI, "-c", "А словами?")
    assert asked(server)[0][0] == "user"


async def test_two_that_do_not_fit_are_a_failure(shell: Shell, server: OpenAIServer) -> None:
    server.default = Answer("Не умею JSON")
    outcome = await structured(shell)
    assert (outcome.code, outcome.out) == (1, "")
    assert "второй ответ не подошёл к схеме: это не JSON" in outcome.err
    assert len(server.calls) == 2


async def test_a_schema_from_a_file(shell: Shell, server: OpenAIServer, tmp_path: Path) -> None:
    file = tmp_path / "схема.json"
    file.write_text('{"type": "array", "items": {"type": "integer"}}', "utf-16")
    server.default = Answer("[1, 2]")
    outcome = await structured(shell, "--json", schema=str(file))
    assert json.loads(outcome.out)["value"] == [1, 2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: текст", "непонятно «name: текст»"),
        (" , ", "пуста"),
        ("{", "это не JSON"),
        ('{"type": "нет"}', "не схема JSON Schema"),
        ("нет.json", "не прочитать"),
        ("name: str; rooms: int", "непонятно"),
    ],
)
def test_a_wrong_schema_is_told(text: str, words: str) -> None:
    with pytest.raises(Problem, match=words):
        read_schema(text)


def test_the_short_form() -> None:
    schema = read_schema("имя, цена: float, метки?: list[str], новая: bool")
    assert schema["properties"]["метки"] == {"type": "array", "items": {"type": "string"}}
    assert schema["required"] == ["имя", "цена", "новая"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"name": "А", "rooms": 2}', ""),
        ('{"name": "А", "rooms": 2, "x": 1}', "$: лишние поля"),
        ('{"name": "А"}', '$: нет обязательного поля из ["name", "rooms"]'),
        ('{"name": "А", "rooms": NaN}', "это не JSON"),
        ("[" * 50_000, "это не JSON"),
        ("", "это не JSON"),
    ],
)
def test_problems_are_told_in_russian(text: str, problem: str) -> None:
    assert check(text, read_schema(SHORT))[1] == problem


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("нет", None),
        ("```\nодин\n```\n```\nдва\n```", "один"),
        ("~~~py\nx = '```'\n~~~", "x = '```'"),
        ("````\n```\nвнутри\n```\n````", "```\nвнутри\n```"),
        ("```python\nне закрыт", "не закрыт"),
        ("```\n```", ""),
        ("текст ```встроенный``` код", None),
        ("  ```sh\nls\n  ```\n", "ls"),
    ],
)
def test_the_first_code_block(text: str, block: str | None) -> None:
    assert first_code_block(text) == block


async def test_only_code_is_printed(shell: Shell, server: OpenAIServer) -> None:
    server.default = Answer("Вот:\n```python\nprint(1)\n```\nГотово.")
    outcome = await shell.run(CLI, "--extract", "--stream", "Код")
    assert outcome.out == "print(1)\n"
    server.default = Answer("print(2)")
    outcome = await shell.run(CLI, "--extract", "Код")
    assert outcome.out == "print(2)\n"
    assert "Блока кода в ответе нет" in outcome.err


async def test_samples(shell: Shell, server: OpenAIServer) -> None:
    server.enqueue(Answer("Раз"), Refusal(402, {"error": "x"}), Answer("Три"))
    outcome = await shell.run(CLI, "-n", "3", "Придумай")
    assert outcome.code == 0
    assert outcome.out.count("===\n") == 2
    assert "Оплаченные запросы" in outcome.err
    several = json.loads((await shell.run(CLI, "-n", "2", "--json", "Придумай")).out)
    assert [row["error"] for row in several["results"]] == [None, None]
    server.default = Refusal(402, {"error": "x"})
    assert (await shell.run(CLI, "-n", "2", "Придумай")).code == 1


async def test_an_answer_is_saved(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "ответ.txt"
    outcome = await shell.run(CLI, "--save", str(file), "Привет")
    assert outcome.out == file.read_text("utf-8") == "Привет! Меня зовут Проба.\n"
    nowhere = await shell.run(CLI, "--save", str(tmp_path / "нет" / "x"), "Привет")
    assert nowhere.code == 1
    assert "не записать" in nowhere.err


async def test_quiet_leaves_only_the_answer(shell: Shell, server: OpenAIServer) -> None:
    outcome = await shell.run(CLI, "-q", "Привет")
    assert (outcome.out, outcome.err) == ("Привет! Меня зовут Проба.\n", "")
    compared = await shell.run(CLI, "--quiet", "--compare", "org/a", "--", "Привет")
    assert compared.err == ""
    counted = await shell.run("cli/hf_llama3_openai.py", "--quiet", "Привет")
    assert counted.err == ""
    server.default = Refusal(401, {"error": "no"})
    assert "не принял ключ" in (await shell.run(CLI, "-q", "Привет")).err


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r", "utf-16", "utf-16-le"])
async def test_a_prompt_in_an_old_encoding(
    shell: Shell, server: OpenAIServer, tmp_path: Path, encoding: str
) -> None:
    prompt = "Съешь ещё этих мягких булок"
    file = tmp_path / "запрос.txt"
    file.write_bytes(prompt.encode(encoding))
    assert (await shell.run(CLI, "--file", str(file))).code == 0
    process = await shell.start(CLI)
    await process.communicate(f"{prompt}\r\n".encode(encoding))
    assert process.returncode == 0
    assert [body["messages"][0]["content"] for body in server.bodies] == [prompt, prompt]


async def test_a_file_that_is_no_text(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    with pytest.raises(SystemExit):
        await shell.run(CLI, "--file", str(file))


async def test_a_code_page_without_the_letters_breaks_nothing(
    shell: Shell, server: OpenAIServer
) -> None:
    server.default = Answer("Кот 🐈 и 東京")
    shell.env["PYTHONIOENCODING"] = "cp1251"
    process = await shell.start(CLI, "Привет")
    out, err = await process.communicate()
    assert process.returncode == 0
    assert out.decode("cp1251").strip() == "Кот ? и ??"
    assert b"Traceback" not in err


async def test_nothing_is_coloured_in_a_pipe(shell: Shell) -> None:
    for words in (["Привет"], ["--compare", "org/a", "--", "x"], ["--help"], ["--templates"]):
        outcome = await shell.spawn(CLI, *words)
        assert "\x1b" not in outcome.out + outcome.err


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
async def test_completion(shell: Shell, name: str) -> None:
    outcome = await shell.run(CLI, "--completion", name)
    assert outcome.code == 0
    assert "--compare" in outcome.out.replace("-l compare", "--compare")
    assert "gigachat" in outcome.out


async def test_gigachat_is_given_the_schema_itself(shell: Shell) -> None:
    async with GigaChatServer() as giga:
        giga.answer = lambda messages: json.dumps(FLAT)
        outcome = await shell.run(
            CLI, "--backend", "gigachat", "--schema", SHORT, "Двушка", **giga.environment
        )
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == FLAT
    assert "rooms" in json.dumps(giga.requests[-1]["response_format"])
