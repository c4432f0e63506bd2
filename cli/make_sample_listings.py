"""Generate the flats of data/real_estate/sample.csv: `python -m cli.make_sample_listings`.

Places are real; everything else is random with a fixed seed, so no flat, house or price is
real. The same seed gives the same file.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.arguments import Parser, count
from services.env import SHIPPED_DATA

OUTPUT = SHIPPED_DATA / "real_estate" / "sample.csv"
COLUMNS = (
    "city", "okrug", "district", "metro", "metro_min", "metro_mode", "rooms", "total_area",
    "living_area", "kitchen_area", "floor", "floors_total", "year", "house_type", "market",
    "renovation", "lat", "lon", "street", "house_id", "date", "price", "description",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Area:
    """A district with its usual price per m² in thousands of roubles and its middle."""

    city: str
    okrug: str
    district: str
    metro: str
    per_metre: int
    lat: float
    lon: float


AREAS = (
    Area("Москва", "СЗАО", "Строгино", "Строгино", 310, 55.804, 37.403),
    Area("Москва", "САО", "Сокол", "Сокол", 360, 55.805, 37.515),
    Area("Москва", "ЦАО", "Хамовники", "Фрунзенская", 720, 55.727, 37.580),
    Area("Москва", "ЦАО", "Басманный", "Чистые пруды", 560, 55.765, 37.639),
    Area("Москва", "ЗАО", "Раменки", "Раменки", 430, 55.697, 37.499),
    Area("Москва", "ЮВАО", "Люблино", "Люблино", 260, 55.676, 37.761),
    Area("Москва", "ЮВАО", "Марьино", "Марьино", 265, 55.650, 37.744),
    Area("Москва", "ЮЗАО", "Тёплый Стан", "Тёплый Стан", 285, 55.619, 37.508),
    Area("Москва", "СВАО", "Южное Медведково", "Медведково", 275, 55.887, 37.661),
    Area("Москва", "ВАО", "Измайлово", "Измайловская", 290, 55.788, 37.782),
    Area("Санкт-Петербург", "", "Приморский", "Комендантский проспект", 215, 60.008, 30.259),
    Area("Санкт-Петербург", "", "Выборгский", "Озерки", 205, 60.037, 30.321),
    Area("Санкт-Петербург", "", "Василеостровский", "Приморская", 245, 59.948, 30.234),
    Area("Санкт-Петербург", "", "Петроградский", "Петроградская", 310, 59.966, 30.311),
    Area("Санкт-Петербург", "", "Центральный", "Площадь Восстания", 290, 59.930, 30.361),
    Area("Санкт-Петербург", "", "Фрунзенский", "Купчино", 190, 59.829, 30.375),
    Area("Санкт-Петербург", "", "Невский", "Проспект Большевиков", 185, 59.919, 30.466),
    Area("Санкт-Петербург", "", "Московский", "Московская", 235, 59.851, 30.322),
)
STREETS = (
    "Вымышленная", "Придуманная", "Сказочная", "Небывалая", "Тридевятая", "Лукоморская",
    "Изумрудная", "Китежская", "Буянная", "Берендеева",
)  # fmt: skip
RENOVATIONS = {"без ремонта": -0.10, "косметический": 0.0, "евро": 0.07, "дизайнерский": 0.15}
HOUSES = {"Панельный": -0.05, "Кирпичный": 0.02, "Монолитный": 0.05}
AREAS_BY_ROOMS = ((25, 4), (38, 5), (56, 8), (78, 11), (105, 16))
HOUSES_PER_AREA = 14


@dataclass(frozen=True, slots=True)
class House:
    area: Area
    street: str
    number: str
    floors: int
    year: int
    kind: str
    minutes: int
    lat: float
    lon: float
    charm: float


def make_houses(rng: random.Random) -> list[House]:
    return [_make_house(rng, area) for area in AREAS for _ in range(HOUSES_PER_AREA)]


def make_flats(count: int, seed: int) -> Iterator[dict[str, object]]:
    """Rows of the sample; prices follow the place, the house and the flat, with noise."""
    rng = random.Random(seed)
    houses = make_houses(rng)
    for _ in range(count):
        yield _make_flat(rng, rng.choice(houses))


def _make_house(rng: random.Random, area: Area) -> House:
    year = rng.choice((1962, 1968, 1975, 1982, 1989, 1998, 2006, 2013, 2019, 2023))
    kind = "Монолитный" if year > 2000 else rng.choice(("Панельный", "Кирпичный"))
    floors = rng.choice((5, 9)) if year < 1980 else rng.choice((9, 12, 14, 17, 24))
    return House(
        area,
        f"{rng.choice(STREETS)} улица",
        str(rng.randint(1, 60)),
        floors,
        year,
        kind,
        rng.randint(3, 20),
        round(area.lat + rng.gauss(0, 0.006), 5),
        round(area.lon + rng.gauss(0, 0.010), 5),
        rng.gauss(0, 0.06),
    )


def _make_flat(rng: random.Random, house: House) -> dict[str, object]:
    rooms = rng.choices(range(5), weights=(15, 30, 30, 18, 7))[0]
    mean, spread = AREAS_BY_ROOMS[rooms]
    total = round(max(18.0, rng.gauss(mean, spread)), 1)
    floor = rng.randint(1, house.floors)
    renovation = rng.choice(list(RENOVATIONS))
    logarithm = (
        math.log(house.area.per_metre * 1000)
        + house.charm
        + HOUSES[house.kind]
        + RENOVATIONS[renovation]
        - 0.12 * math.log(total / 50)
        - 0.008 * (house.minutes - 8)
        - (0.06 if floor == 1 else 0.02 if floor == house.floors else 0.0)
        + rng.gauss(0, 0.07)
    )
    area = house.area
    return {
        "city": area.city,
        "okrug": area.okrug,
        "district": area.district,
        "metro": area.metro,
        "metro_min": house.minutes,
        "metro_mode": "пешком",
        "rooms": rooms,
        "total_area": total,
        "living_area": round(total * rng.uniform(0.52, 0.64), 1),
        "kitchen_area": round(max(5.0, total * rng.uniform(0.13, 0.22)), 1),
        "floor": floor,
        "floors_total": house.floors,
        "year": house.year,
        "house_type": house.kind,
        "market": "Новостройка" if house.year >= 2023 else "Вторичка",
        "renovation": renovation,
        "lat": house.lat,
        "lon": house.lon,
        "street": house.street,
        "house_id": house.number,
        "date": f"2025-{rng.randint(6, 12):02}-{rng.randint(1, 28):02}",
        "price": round(total * math.exp(logarithm), -4),
        "description": "ДЕМО, вымышлено",
    }


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(description="Делает выдуманные объявления для пробы бота о недвижимости.")
    parser.add_argument(
        "--output", type=Path, default=OUTPUT, metavar="ФАЙЛ", help="куда записать CSV"
    )
    parser.add_argument(
        "--count", type=count, default=2000, metavar="N", help="сколько (%(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=2026, metavar="N", help="начало случайных чисел (%(default)s)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    arguments = build_parser().parse_args(argv)
    with arguments.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for flat in make_flats(arguments.count, arguments.seed):
            writer.writerow({**flat, "price": round(float(str(flat["price"])))})
    print(f"Объявлений: {arguments.count}, файл: {arguments.output}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
