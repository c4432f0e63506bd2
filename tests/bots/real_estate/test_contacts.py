"""Contacts go, whatever form they take; figures of a flat stay."""

from __future__ import annotations

import time

import pytest

from bots.real_estate.listings.contacts import remove_contacts, without_contacts
from bots.real_estate.listings.importing import read_listings

# Each form with what may not be left of it.
CONTACTS = (
    ("+7 999 123-45-67", "123"), ("8 (999) 123-45-67", "999"), ("89991234567", "8999"),
    ("+79991234567", "7999"), ("8-999-123-45-67", "999"), ("8.999.123.45.67", "999"),
    ("8 999 1234567", "1234567"), ("8999 123 45 67", "8999"), ("999 123 45 67", "999"),
    ("(999)1234567", "1234567"), ("+7(999)1234567", "1234567"), ("8/999/123-45-67", "999"),
    ("8 999 123 4567", "4567"), ("8–999–123–45–67", "999"), ("8_999_123_45_67", "999"),
    ("8*999*123*45*67", "999"), ("8\u00a0999\u00a0123\u00a045\u00a067", "999"),
    ("8 9 9 9 1 2 3 4 5 6 7", "9 9 9"), ("8 99 91 23 45 67", "91"), ("8-99-91-23-45-67", "91"),
    ("8 9O5 123 45 67", "123"), ("8 9ОО 123 ОО 45", "123"), ("8 9l6 l23 45 67", "9l6"),
    ("8 9З1 123 45 67", "123"), ("тел89991234567", "8999"), ("номер 9991234567", "999"),
    ("+375 29 123-45-67", "375"), ("+7 495 123 45 67", "495"), ("(812) 123-45-67", "812"),
    ("8 800 555-35-35", "800"), ("8 (4842) 12-34-56", "4842"), ("тел. 123-45-67", "123"),
    ("тел. 1234567", "1234567"), ("123-45-67", "123"), ("звоните 12-34-56", "12-34"),
    ("восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь", "шестнадцать"),
    ("восемь девять один шесть один два три четыре пять шесть семь", "девять"),
    ("8 девятьсот 123 сорок пять 67", "девятьсот"),
    ("плюс семь 999 123 45 67", "999"), ("плюс семь девятьсот пять 1234567", "1234567"),
    ("ivan@mail.ru", "ivan"), ("ivan.petrov+flat@gmail.com", "petrov"), ("ivan @ mail.ru", "ivan"),
    ("ivan собака mail.ru", "ivan"), ("ivan(собака)mail.ru", "ivan"), ("ivan[at]mail[dot]ru", "ivan"),
    ("ivan собака mail точка ru", "ivan"), ("ivan (at) yandex . ru", "ivan"),
    ("иван@почта.рф", "иван"), ("@ivan_flats", "ivan"), ("(@ivan.flats)", "ivan"),
    ("t.me/ivan_flats", "ivan"), ("https://t.me/+AbCdEf", "AbCdEf"), ("t . me / ivan_flats", "ivan"),
    ("wa.me/79991234567", "7999"), ("vk.com/ivan", "ivan"), ("вк точка ком слэш ivan", "ivan"),
    ("instagram.com/ivan.flats", "ivan"), ("инстаграм: ivan.flats", "ivan"),
    ("телеграм ivan_flats", "ivan"), ("тг ivanflats", "ivan"), ("WhatsApp 8 999 123 45 67", "999"),
    ("вотсап: +7-999-123-45-67", "999"), ("скайп ivan.petrov", "ivan"), ("viber 79991234567", "7999"),
    ("www.ivan-flats.ru/me", "ivan"), ("ivan-flats.ru", "ivan"), ("http://ivan.example/a?b=c", "ivan"),
)  # fmt: skip
INNOCENT = (
    "Цена 15 500 000 руб., торг", "12 500 000 – 13 000 000 ₽", "8 950 000 54 38",
    "8 450 000 9 500 000", "9 000 000 000 ₽", "Площадь 54.3/32.1/9 м²", "54,3 м², кухня 9,5",
    "этаж 5/9, дом 1975 года", "2 мин. до метро, 15 мин до центра", "ул. Ленина, д. 15к2, кв. 8",
    "кадастровый номер 77:01:0001001:1234", "ИНН 7701234567", "с 10:00 до 21:00", "01.02.2025 — 03.04.2026",
    "1975, 1998, 2015, 2023 годы", "ипотека 6 % на 30 лет, взнос 20 %", "потолки 2.75 м, 3 спальни",
    "ЖК «Символ», корпус 7, секция 3", "в 2019 году был ремонт за 2 000 000", "ID 284562345",
    "3-комн., 78 кв.м., 17/24 эт.", "г. Москва, ул. 1905 года, 10", "Рядом школа № 1234 и сад № 56",
    "С собакой можно. Дом тихий", "Собака соседей не лает", "цена за м² 285 000, всего 15 390 000",
    "7/9 2023 54/32/8", "широта 55.765432, долгота 37.639123", "расстояние 1200 м и 3500 м",
    "В квартире два санузла, три комнаты и одна кладовая", "Паспорт дома: серия П-44Т, 17 этажей",
    "4 500 000 + 1 500 000 за мебель", "Smart TV, Bosch, Wi-Fi, Miele", "Окна REHAU, паркет Barlinek",
    "платёж 60 000 в месяц, взнос 2 000 000, 20 лет", "Телеграм-канала дома нет",
    "Дом 1 корпус 2 строение 3 этаж 4 квартира 5", "д.15 кв.45", "Номер 5 на плане, 45 м²",
)  # fmt: skip


@pytest.mark.parametrize(("contact", "left"), CONTACTS, ids=[form for form, _ in CONTACTS])
def test_contact_is_removed(contact: str, left: str) -> None:
    cleaned = remove_contacts(f"Продаю квартиру, {contact}, торг")
    assert left not in cleaned
    assert "убран]" in cleaned
    assert cleaned.startswith("Продаю квартиру, ")
    assert cleaned.endswith(", торг")


@pytest.mark.parametrize("text", INNOCENT)
def test_figures_of_a_flat_stay(text: str) -> None:
    assert remove_contacts(text) == text


def test_two_contacts_and_the_figures_beside_them() -> None:
    text = "Цена 8 500 000, 54 м² 5/9. Звоните 8 916 123 45 67 или 8 916 765-43-21, пишите ivan@mail.ru"
    assert remove_contacts(text) == (
        "Цена 8 500 000, 54 м² 5/9. Звоните [телефон убран] или [телефон убран], "
        "пишите [контакт убран]"
    )


def test_short_fields_keep_the_address_alone() -> None:
    assert without_contacts("ул. Ленина, 5, тел. 8 916 123-45-67") == "ул. Ленина, 5"
    assert without_contacts("89161234567") is None


@pytest.mark.parametrize("column", ["город", "район", "метро", "улица", "тип дома", "источник", "описание"])  # fmt: skip
def test_every_text_column_is_cleaned(column: str) -> None:
    content = f"площадь,цена,{column}\n50,9000000,Сокол 8 916 123-45-67 ivan@mail.ru\n"
    [listing] = read_listings("flats.csv", content.encode()).listings
    assert "Сокол" in repr(listing)
    assert "916" not in repr(listing)
    assert "ivan" not in repr(listing)


def test_link_to_a_messenger_is_no_link_to_a_listing() -> None:
    content = "площадь,цена,ссылка\n50,9000000,https://t.me/ivan\n50,8000000,https://cian.ru/1\n"
    links = [item.url for item in read_listings("flats.csv", content.encode()).listings]
    assert links == [None, "https://cian.ru/1"]


@pytest.mark.parametrize(
    "fragment", ["8 (", "9", "@", "a.", "8 916 ", "восемь ", "тел. ", "собака ", "- ", "ivan@", "t . me "]
)  # fmt: skip
def test_time_grows_with_the_length(fragment: str) -> None:
    def seconds(size: int) -> float:
        text = (fragment * size)[:size]
        started = time.perf_counter()
        remove_contacts(text)
        return time.perf_counter() - started

    seconds(1000)
    assert seconds(64_000) < max(0.3, 12 * min(seconds(16_000) for _ in range(3)))
