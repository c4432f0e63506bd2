"""Sixty answers as models write them, good and bad: the golden set of the tests of Markdown."""

from __future__ import annotations


def _table(columns: int, rows: int, cell: str = "р{row}к{column}") -> str:
    head = " | ".join(f"Столбец {n}" for n in range(columns))
    lines = [
        " | ".join(cell.format(row=row, column=column) for column in range(columns))
        for row in range(rows)
    ]
    return "\n".join(f"| {line} |" for line in (head, " | ".join(["---"] * columns), *lines))


def _nested(levels: int, mark: str = "-") -> str:
    width = len(mark) + 1
    return "\n".join(f"{' ' * width * level}{mark} уровень {level}" for level in range(levels))


WORDS = "Слово за словом растёт ответ модели, и конца ему не видно. "
MARKDOWN_ANSWERS: dict[str, str] = {
    # Plain talk
    "plain": "Столица Франции — Париж.",
    "paragraphs": "Первый абзац.\n\nВторой абзац, **важный** и *мягкий*.\n\nТретий.",
    "styles": "**жирный**, *курсив*, ***оба***, ~~зачёркнутый~~, `код`, __тоже жирный__.",
    "poem": "Раз словечко,\nдва словечко —\nбудет песенка.",
    "quotes": "Он сказал: «Привет!» — и ушёл… 5–7 минут, 20 °C, №1.",
    "links": "Смотри [документацию](https://docs.python.org/3/) и https://example.com/a_b_c.",
    "autolink": "Адрес <https://example.com/path?x=1&y=2> и почта <me@example.com>.",
    "bad links": "[жми](javascript:alert(1)) [сюда](tg://user?id=1) [нет](/etc/passwd) [пусто]()",
    "image": "Вот схема: ![схема сети](https://example.com/net.png) — всё.",
    "reference links": "Читай [статью][1] и [другую].\n\n[1]: https://example.com/one\n[другую]: https://example.com/two",
    "footnotes": "Утверждение[^1] и ещё[^note].\n\n[^1]: Первая сноска.\n[^note]: Вторая сноска.",
    "entities": "a &amp; b, &lt;div&gt;, &copy; и &nbsp;пробел.",
    "escapes": r"\*не курсив\*, \# не заголовок, \| не таблица, 2 \* 3, C:\Users\name.",
    "snake case": "Вызови get_user_name() из my_module_v2, а не __init__ и не *args, **kwargs.",
    # Headings
    "headings": "# План\n\nтекст\n\n## Шаг **первый**\n\nтекст\n\n### Шаг `второй`\n\n#### Итог ####",
    "setext headings": "Заголовок\n=========\n\nтекст\n\nВторой\n------\n\nтекст",
    "rules": "Было\n\n---\n\nстало\n\n***\n\nконец",
    "hashtags": "#тег не заголовок, ## а это нет\n#hashtag\n\n#  Заголовок с пробелами  ",
    # Lists
    "list": "Купи:\n- хлеб\n- молоко\n- сыр",
    "numbers": "1. Раз\n2. Два\n3. Три\n\nПосле.",
    "numbers from seven": "7. Семь\n8. Восемь\n9. Девять",
    "nested list": "1. Город\n   - улица\n     - дом\n     - двор\n   - площадь\n2. Село",
    "check list": "- [x] сделано\n- [ ] нет\n- [X] тоже\n  - [ ] внутри",
    "loose list": "- Первый пункт.\n\n  Его второй абзац.\n\n- Второй пункт.\n\n  > цитата в нём",
    "list with code": "1. Поставь:\n\n   ```bash\n   pip install aiogram\n   ```\n\n2. Запусти:\n   ```\n   python main.py\n   ```",
    "bullets": "* раз\n+ два\n- три\n• четыре\n– пять",
    "twenty levels": _nested(20),
    "twenty numbered levels": _nested(20, "1."),
    "twenty quotations": "> " * 20 + "на дне",
    "mixed nesting": "> - цитата со списком\n>   > внутри цитата\n>   > - и список\n>   >   - глубже",
    # Tables
    "table": "| Город | Цена |\n|:------|-----:|\n| Казань | 12 |\n| Пермь | 9 |",
    "table without edges": "Город | Цена\n--- | ---\nКазань | **12**\nПермь | `9`",
    "ragged table": "| а | б |\n|---|---|\n| раз |\n| раз | два | три **лишнее** | четыре |",
    "table of one column": "| Имя |\n|---|\n| Аня |\n| Борис |",
    "escaped pipes": "| Код | Смысл |\n|---|---|\n| `a \\| b` | или |\n| x \\| y | тоже |",
    "breaks in cells": "| Шаг | Что |\n|---|---|\n| 1 | раз<br>два<br/>три |",
    "formulas in cells": "| Имя | Формула |\n|---|---|\n| Энергия | $E = mc^2$ |\n| Доля | 50 % |",
    "empty cells": "| a |  | c |\n|---|---|---|\n|  | b |  |\n|  |  |  |",
    "broken table": "| не | таблица |\n| потому | что |\n\n| Город | Цена\n|---|",
    "wide table": _table(30, 4),
    "long table": _table(4, 900),
    "table in a list": "- пункт\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n- другой",
    # Code
    "code": "```python\ndef f(x: int) -> str:\n    return f\"<{x}>\"  # **не жирный**\n```",
    "code without a language": "```\n$ ls -la | grep 'x'\n```\n\nи `inline | code`",
    "tildes": "~~~json\n{\"a\": [1, 2], \"b\": \"```\"}\n~~~",
    "open fence": "Вот код:\n\n```python\nprint('не закрыт')\n# Комментарий",
    "broken fences": "```\nпервый\n````\nещё первый\n```\nтекст\n``\nне код\n``` хвост",
    "fence in a fence": "````markdown\n```python\nx = 1\n```\n````\nпосле",
    "indented code": "Пример:\n\n    for i in range(3):\n        print(i)\n\nКонец.",
    "ticks": "Строка ``с ` внутри`` и `незакрытая и ещё ` три.",
    # Formulas
    "formulas": "Энергия $E = mc^2$, а сумма\n\n$$\n\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}\n$$\n\nвот так.",
    "tex brackets": "Корни \\( x_{1,2} \\) уравнения:\n\n\\[\nx = \\frac{-b \\pm \\sqrt{D}}{2a}\n+ 0\n\\]\n\nгде \\(D = b^2 - 4ac\\).",
    "money": "Стоит $5 и $10, а было $100/мес. И $$ тоже не формула $$.",
    # HTML and injections
    "html": "<b>жирный</b> <script>alert('x')</script> <div class=\"a\">\n\n<p>абзац</p>\n</div> x < y > z",
    "injected tags": "<tg-spoiler>тайна</tg-spoiler> <tg-emoji emoji-id=\"1\">👍</tg-emoji> <tg-math>x</tg-math>\n\n<details><summary>жми</summary>внутри</details>\n\n<a href=\"tg://user?id=1\">админ</a>",
    "html comments": "до <!-- скрыто --> после <![CDATA[данные]]> конец <?xml?>",
    # Scripts of the world
    "right to left": "## مرحبا\n\nهذا **نص** مع `code`.\n\n| שם | מחיר |\n|---|---|\n| דוד | 12 |",
    "emoji": "## 🎉 Готово\n\n👨‍👩‍👧‍👦 семья, 🇷🇺 флаг, 👍🏽 палец\n\n- ✅ да\n- ❌ нет\n  - 🤷 не знаю",
    # Long
    "forty thousand characters": "# Роман\n\n" + "\n\n".join(WORDS * 8 for _ in range(86)),
    "one paragraph of forty thousand": WORDS * 680,
}  # fmt: skip
FORMULAS = frozenset(("formulas", "tex brackets"))  # with more than a classic message can spell
REPEATED = frozenset(("wide table", "long table"))  # their first column or row stands again
