"""Whether a message looks for a flat, asks what one is worth, or is about something else."""

from __future__ import annotations

from dataclasses import dataclass

from bots.real_estate.request import Intent
from bots.real_estate.understanding.corrections import markers
from bots.real_estate.understanding.follow_ups import asks_price_of_a_metre
from bots.real_estate.understanding.phrases import Phrases, phrases, words
from bots.real_estate.understanding.rooms import room_word
from bots.real_estate.understanding.tokens import Tokens

_WORTH = phrases(
    """сколько|скока|скоко|скок|скольк ~ стоить|стоят|потянуть|тянуть|дать|дадут|дали|давать|дают|выручить|взять|платить|просить|запросить|получить|взять|выйти|уйти|оценить|продать|выставить|обойтись|отдать|отдадут|заплатить|заплатят|стоимость|можно|попросить|предложить|заломить|поставить,
    сколько|скок ~ ~ стоить|просить|выручить|получить|продать, сколько|скок за, что|чего|чо ~ стоить, реально|реальный ли? продать|получить|выручить, сколько денег, сколько реально, почем, по чем, по чему, во сколько, во скока, за сколько, за скок*, на сколько ~ потянуть|тянуть|оценить,
    какой|каков|какая|какова|какую ~ цена|стоимость|ценник|прайс|вилка, какой|какая|какова|какую ~ ~ цена|стоимость|ценник, красный цена, цена вопрос, вилка цена, вилку цен, цена|цену какой|какую|какая, ценник какой|какая, стоимость какая,
    рыночный|реальный|справедливый|настоящий|объективный|средний цена|стоимость|ценник|прайс, рыночный какой|какая, рыночную, оцени*, оценка, оценить, оценивать, оценят, прикинуть, прикинь, прикиньте, прикидка,
    посчитать|рассчитать|определить|узнать|подсказать|сказать|назвать ~ стоимость|цена|ценник|вилка, что просить, с какой цена, по какой цена, что за цена, какую цену, сколько моя|моя стоить,
    проверить ~ цена|стоимость|ценник, проверь*, прочекать, чекни, стоимость ~ квартира|двушк*|однушк*|трешк*|четыреш*|студи*|евродвуш*|евротреш*|жилье|хата|двухкомнатный|трехкомнатный|однокомнатный|четырехкомнатный|мой|наш, цена|ценник двушк*|однушк*|трешк*|четыреш*|студи*|однокомнатный|двухкомнатный|трехкомнатный|четырехкомнатный|такой,
    почему такая цена, ценность, стоимость ?, что по цена|деньги|стоимость, как цена, цена мой|свой|наш, стоимость мой|свой|наш, понять ~ цена|стоимость|ценник, знать ~ цена|стоимость, выручить, прицениваться, прицениться,
    какой|какую ~ сумма, какой|какие ~ деньги, диапазон цена, разброс цена, цена продажа, помочь с цена, определиться с цена, оценочный, оценщик, оцениваем, оценку, стоимость #, за какую сумму, за какие деньги"""
)
_FAIR = phrases(
    """перебор, перебрать, не перебор, переборщить, продешевить, завысить, завышен, завышать, занизить, занижен, переоценен, переоценить, недооценен, переплачивать, переплатить, переплачу, кидалово, кидок, развод, наглость, загнуть, загнули, задрали, задрать, заломить, заломили,
    норм|нормальный|нормально|ок|окей|адекватный|хороший|справедливый|честный|годный|разумный|реальный ~ цена|прайс|ценник|деньги, цена|прайс|ценник|сумма|стоимость ~ норм|нормальный|нормально|ок|окей|адекватный|хороший|справедливый|реальный|честный|завышен|адекват|в рынке|нормас,
    норм* ?, норм* ли, нормас, нормуль, прогадать, прогадаю, продешевлю, не продешевить, отдать за, отдам за, торговаться ?, поторговаться ?, сторговаться ?, двигаться ?, не загибать, не загнул, справедлив*, нормально ?, ок ?, дорого ?, дешево ?, много ?, мало ?, адекватно, адекват, неадекват, выгодно ?, справедливо ?, честно ?, это дорого|много|мало|дешево|норм|нормально|выгодно|адекватно|дешевле, дорого или, дорого ли, недорого ли,
    не дорого, дороговато, многовато, маловато, дешево ли, не много, не мало, много ли, мало ли, выгодно ли, нормально ли, адекватен|адекватный|адекватна|адекватная|нормальна|нормальная ли, оправдан*,
    стоить ли ~ брать|покупать|того|своих|соглашаться|таких|торговаться, стоить ли ~ двуш*|однуш*|треш*|студи*|она|такой|наш|мой|#, стоить того|своих|таких|этих, стоить она|оно|он|это|столько, соглашаться ?, брать ?, брать или, возьмут, возьмут ?, купят, уйдет ли, уйдет ?, купят ли, продастся, в рынке, по рынку, выше рынка, ниже рынка, рыночная ли, не выше рынка, не обманывать|обманули|дурят|надувают|разводят|кидают, дорого для, не жирно, жирно, что думать, что скажешь, как тебе, как вам, потянет ли она"""
)
_SELLS = phrases(
    """продаю|продаем|продам|продадим, хотеть|хочу|хотим|собираться|думать|решить|планировать|надо|нужно|пора|готовлюсь ~ продать|продавать|выставить|выставлять|просить|ставить, выставляем, выставляю, выставил, выставила, выставили, выставить, выставлять, продажа моей|своей, ставим на продажа"""
)
_ASKS = phrases(
    """просить #, просят, прошу, просит, хотят, хочет за, отдают за, отдает за, продают за, продает за, продается за, предлагают за, предлагают, предложили, назвать цена, назвали, в объявление, ставить #, риелтор говорить|сказать|советовать|предлагать, хозяин|хозяйка|хозяева|продавец|собственник|владелец|продавцы|агент ~ хотеть|просить|ломить|ставить|заявить|отдавать|требовать, ломит, ломят, заряжают, заряжает, зарядили"""
)
_SELLER_ASKS = phrases(
    "хозяин|хозяйка|хозяева|продавец|продавцы|собственник|владелец|агент|риелтор ~ хотеть|просить|ломить|ставить|заявить|отдавать|требовать|назвать"
)
_SEEKS = phrases(
    """искать, ищется, поищи, поискать, поищем, найти, найди, находить, подобрать, подбери*, подбор, подыскать, подыщи, присмотреть, присматривать, нужный|нужен|нужно, требоваться, купить, куплю, купим, покупать, прикупить, приобрести, приобретать, взять, возьму, возьмем, рассмотреть, рассмотрю, рассматривать, интересовать, интересоваться, заинтересовать,
    посоветовать, порекомендовать, показать, покажи, хотеть, хотеться, мечтать, есть ли, есть что, есть вариант, какие есть, что есть, вариант, варианты, надо, дай, дайте, скинуть, скинь, кинуть, кидать, кидай, накидать, накидай, предложить, предложение, хватить ли, хватит, хватить на, можно купить|взять|найти, желать, посмотреть, смотреть, смотрим, глянуть, глянь, выбирать, подкинуть, подкинь, жду предложение, мне бы, нам бы, реально ли, потянем, потяну, переехать, переезжать, приглядеть, выбрать, ищу, ищем, есть двуш*|однуш*|треш*|студи*|квартир*, сориентировать, нужна, нужны, подгони, подогнать"""
)
_STRONG_SEEKS = phrases(
    """искать, ищу, ищем, ищется, найти, найди*, подобрать, подбери*, подыскать, подыщи*, купить, куплю, покупать, приобрести, присмотреть, требоваться, поискать, хотим купить, нужен|нужна|нужно|нужны, беру, берем, возьму, возьмем"""
)
_OTHER_COSTS = phrases(
    "стоить ~ ремонт|отделка|переезд|страховка|доставка|оформление|мебель|жизнь|билет|регистрация|ипотека|кредит|услуга|юрист|нотариус|коммуналка|отопление"
)
_NO_MATTER = phrases(
    "сколько стоить -? не важный|важно, сколько стоить -? неважно|неважный, без разница сколько стоить"
)
_DEFINITIONS = phrases(
    "чем ~ отличаться, в чем ~ разница|отличие|подвох|прикол, какая разница между, что такое, что значит, что означать, как расшифровываться, сколько обычно? метр|квадрат|комната|этаж ~ в|у"
)
_CHOICES = phrases("что|где|как дешевле|лучше|выгодно|выгоднее|выбрать|предпочесть")
_FLATMATE = phrases("искать|ищу|ищем|нужный|найти ~ сосед|соседка|сожитель, подселение, подселить")
_CONTACTS = phrases(
    "скинь|дай|дайте|пришли|покажи|какой|подскажи ~ адрес|телефон|контакт|ссылка|фотография, связаться с, позвонить, позвони, позвоните"
)
_SHARE = phrases("доля в, долю в, комната в, комнату в, комната|комнату # метр|м|м2|квадрат ~ в")
_WORKS = phrases("стоить|обойтись|обойдется ремонт|отделка|перепланировка|уборка")
_OFFERS = phrases(
    """искать, найти, найди*, подобрать, подбери*, купить, куплю, нужен|нужна|нужно, есть, вариант, показать, покажи,
    посоветовать, предложить, хотеть, поможешь"""
)
_RENT = phrases(
    """жилец, жильцов, квартирант, пустить ~ жилец|квартирант, снять, сниму, снимем, снимать, сдам, сдать, сдавать, сдаю, сдаем, сдаться, сдается, сдаваться, съем, съемный, аренда, арендовать, арендный, посуточно, посуточный, сутки, помесячно, долгосрок, на длительный срок, на сутки, на месяц, субаренда, наем, поднаем, квартплата"""
)
_INVESTS = phrases(
    """под сдача, для сдача, чтоб|чтобы ~ сдавать|сдать, под аренда, для аренда, сдавать потом, потом сдавать, буду сдавать, будем сдавать, с арендаторами, с арендатором, с квартирантами, арендный бизнес, как инвестиция, для инвестиций"""
)
_LET_NOW = phrases(
    """сейчас сдан, сдан, сдана, сдается, сейчас сдаю, сейчас сдаем, сейчас сдается, арендатор, квартирант, жилец, съемный, снимаю, снимаем, снимать надоело, надоело снимать, в аренде"""
)
_BUYS = phrases("купить, куплю, покупать, покупка, приобрести, взять, в ипотеку, своя, свою, свое")
_TOPICS = words(
    """ипотека ипотечный платеж ежемесячный взнос ставка процент кредит кредитный рефинансирование рефинансировать рассрочка налог налоговый вычет
    договор дду дкп егрн выписка юрист юридический нотариус опека маткапитал материнский прописка прописаться прописать регистрация регистрировать росреестр обременение документ
    эскроу задаток аванс доверенность наследство наследник собственник собственность приемка осмотр осматривать чек-лист чеклист перепланировка узаконить закон законно риск сделка риелтор риэлтор агент агентство страховка
    субсидия сертификат господдержка банк банкрот банкротство долевой доля приватизация приватизировать развод алименты торговаться показ застройщик проверка мошенник аферист пошлина декларация"""
)
_QUESTIONS = phrases(
    """как, каким образом, какой|какие|какая|какую|какое|каков|какова, что новый|нового|интересный|происходить|случиться|посмотреть|творится, что такое|значить|нужно|делать|проверить|лучше|смотреть|спросить|будет|выгоднее, на что, чем, зачем, почему, когда, где, куда, кто, можно ли, нужно ли, надо ли, нужен ли, нужна ли, обязательно ли, сколько ~ платить|платеж|месяц|налог|взнос|процент|переплата|в месяц,
    под какой|сколько, дадут ли, одобрят ли, дадут, одобрят, объяснить, рассказать, расскажи, рассчитать, рассчитай, посчитать, посчитай, чем отличаться, может ли, имею ли, что если, стоит ли, с какой, хватит ли зарплата, в чем, а если, ли"""
)
_FUTURE = phrases(
    """упадут, упадет, упасть, рухнуть, рухнут, вырасти, вырастут, вырастет, подорожать, подорожают, подешеветь, подешевеют, прогноз, ждать ли, ждать ~ снижение|падение|кризис, что будет с, пузырь, обвал, стоить ли ждать, падение цена, рост цена, динамика цена, что с цена, расти, растут, падают, подождать, обвалиться"""
)
_COMMANDS = phrases(
    """отвечать, отвечай*, говорить ~ короче|проще|строже|вежливо|дружелюбно, говори, пиши, писать, общаться, общайся, будь, стиль, тон, короче, кратко, подробно, подробнее, строже, дружелюбнее, на ты, на вы, избранное, сравнить, сравни*, сохранить, сохрани, подписать, подпиши, уведомлять, уведомление, уведоми, удалить, удали*, экспорт, экспортировать,
    покажи|показать еще|следующий|предыдущий|первый|второй|третий|фото|больше|избранное|на карта|карточка, еще #, еще вариант, повторить, повтори, забыть, забудь, отменить, отмена, отмени, стоп, помощь, помоги, хватит, дальше, вернись, назад, напомни, напомнить, открой, открыть, отсортировать, сортировать, отсортируй, отпишись, отписаться, поменяй, следи, следить, подписка"""
)
_PROPERTY = phrases(
    """гараж, машиноместо, машино - место, машино место, паркинг, парковка, парковочный, кладовка, участок, земля, дача, дачный, коттедж, таунхаус, дуплекс, офис, офисный, коммерческий, коммерция, помещение, магазин, склад, салон, нежилой, сотка, ижс, снт, усадьба, здание, павильон, ангар, бокс, койко, хостел, гостиница, отель, ферма, баня, комнату, доля, домик, дом"""
)
_AMENITY_BEFORE = words(
    "с со без рядом возле у около под над в во на до от к и плюс есть свой подземный теплый закрытый наземный как из для недалеко близко продать продал продала продали есть имеется вместо"
)
_HOUSE_OBJECT = phrases(
    """частный дом, загородный дом, дом с|на участок, дачный дом, дом # метр|м|м2|квадрат|сотка, куплю|купить|ищу|нужен|хочу|продам|построить|снять дом, дом из брус|кирпич|бревно, деревянный дом, дом за город, жилой дом, дом в деревня|поселок|село|снт|пригород|подмосковье, дом под ключ, полдома, часть дом, дом мечта, стоить дом, оцени* дом, цена дом, стоимость дом, дом ~ # этажный, дом # на #, двухэтажный дом, купить дом, дом в"""
)
_LAND = words("участок сотка баня снт ижс земля огород гектар")
_FLAT = words(
    "квартира квартирка квартирный хата жилье апартаменты недвижимость новостройка вторичка кварта жилплощадь жилище метраж новостройк хрущевка сталинка брежневка лофт пентхаус"
)
_FLAT_ITSELF = words("квартира квартирка хата апартаменты лофт пентхаус")
_SMALL_TALK = phrases(
    """привет, здравствуй, здравствуйте, добрый день|вечер|утро, доброе утро, спасибо, как дело, пока, до свидания, до завтра, ты кто, кто ты, кто вы, погода, анекдот, шутка, курс доллар|евро|валюта, ты бот, вы бот, вы человек, ты человек, алло, дурак, тупой, глупый, молодец, понял, ясно, ладно"""
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the readers found in a message, as far as the intent depends on it."""

    rooms: bool = False
    price: bool = False
    area: bool = False
    floor: bool = False
    place: bool = False
    condition: bool = False
    exact_area: bool = False  # an area without a bound, as one's own flat is described
    limit: bool = False  # an upper bound of the price, as one who seeks says it

    @property
    def concrete(self) -> bool:
        """Whether a certain kind of flat is described."""
        return self.rooms or self.area or self.price

    @property
    def nothing(self) -> bool:
        return not (self.concrete or self.floor or self.place or self.condition)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The intent, None where nothing shows it."""

    intent: Intent | None


def read_intent(tokens: Tokens, evidence: Evidence, previous: Intent | None = None) -> Verdict:
    """What a message is for, by its words and by what it describes."""
    flat = names_a_flat(tokens) or evidence.rooms
    if _is_rent(tokens, evidence) or _is_other_property(tokens, evidence):
        return Verdict("other")
    worth = _has(tokens, _WORTH) and not _has(tokens, _NO_MATTER)
    fair = _has(tokens, _FAIR)
    seeks = _has(tokens, _SEEKS)
    supposes = previous is not None and _supposes(tokens, evidence)
    if not supposes and _is_general_question(tokens, evidence, flat, worth=worth, seeks=seeks):
        return Verdict("other")
    if _has(tokens, _CONTACTS) and not evidence.concrete:
        return Verdict("other")
    if asks_price_of_a_metre(tokens) and not (evidence.rooms or evidence.area or evidence.price):
        return Verdict("other")
    if _has(tokens, _COMMANDS) and not evidence.concrete and not (evidence.place and seeks):
        return Verdict("other")
    described = flat or evidence.concrete
    if worth and described and not _is_budget_question(tokens):
        return Verdict("value")
    if fair and (evidence.price or evidence.rooms or evidence.area):
        return Verdict("value")
    if described and not _has(tokens, _STRONG_SEEKS):
        if _has(tokens, _SELLS):
            return Verdict("value")
        asked = _has(tokens, _SELLER_ASKS) or (not seeks and _has(tokens, _ASKS))
        if evidence.price and not evidence.limit and asked:
            return Verdict("value")
    if evidence.exact_area and not evidence.limit and not seeks and _asks_or_owns(tokens):
        return Verdict("value")
    if previous == "value" and not seeks and not evidence.limit and not evidence.nothing:
        return Verdict("value")
    if seeks and (described or (evidence.place and evidence.floor)):
        return Verdict("search")
    if evidence.rooms or (flat and (evidence.place or evidence.condition or evidence.concrete)):
        return Verdict("search")
    if evidence.price and evidence.place:
        return Verdict("search")
    if previous is not None and not evidence.nothing:
        return Verdict(previous)
    return Verdict(None)


def _asks_or_owns(tokens: Tokens) -> bool:
    """«Моя двушка 45 м, 2/5», «двушка 45 м за 5 млн?»"""
    return any(token.low == "?" or not _OWN.isdisjoint(token.lemmas) for token in tokens)


_OWN = words("мой наш")


def names_a_flat(tokens: Tokens) -> bool:
    return any(
        not _FLAT.isdisjoint(token.lemmas) or (token.low == "кв" and _is_flat(tokens, index))
        for index, token in enumerate(tokens)
    )


def _is_flat(tokens: Tokens, at: int) -> bool:
    """Whether «кв» is «квартира» and not a square metre."""
    return (at == 0 or tokens[at - 1].value is None) and not tokens.low(at + 1).startswith("м")


def is_small_talk(tokens: Tokens) -> bool:
    return _has(tokens, _SMALL_TALK)


def _has(tokens: Tokens, patterns: Phrases) -> bool:
    return patterns.within(tokens)


def _is_rent(tokens: Tokens, evidence: Evidence) -> bool:
    """Whether a flat is to be let or taken; buying to let is no rent."""
    if _has(tokens, _FLATMATE):
        return True
    if not _has(tokens, _RENT) or _has(tokens, _INVESTS) or _takes_rent_back(tokens):
        return False
    if _has(tokens, _LET_NOW) and (
        _has(tokens, _BUYS) or _has(tokens, _WORTH) or _has(tokens, _STRONG_SEEKS)
    ):
        return False
    return not (evidence.exact_area and _asks_worth_apart_from_rent(tokens))


def _takes_rent_back(tokens: Tokens) -> bool:
    """«Сдать… тьфу, продать»: a slip of the tongue."""
    corrections = markers(tokens)
    if not corrections or _RENT.within(tokens, corrections[-1]):
        return False
    return any(patterns.within(tokens, corrections[-1]) for patterns in (_SELLS, _BUYS, _SELLING))


_SELLING = phrases("продать, продавать, продажа")


def _asks_worth_apart_from_rent(tokens: Tokens) -> bool:
    """«Сдаю за 25 тысяч, а сколько она стоит?», not «сколько стоит аренда»."""
    asked = [(start - 2, end + 3) for start, end in _WORTH.find(tokens, used=True)]
    rents = [start for start, _ in _RENT.find(tokens, used=True)]
    return bool(asked) and not any(low <= rent < high for low, high in asked for rent in rents)


def _is_other_property(tokens: Tokens, evidence: Evidence) -> bool:
    """Whether the thing wanted is a garage, land, a house: a flat named beside it wins."""
    if _is_a_share(tokens):
        return True
    if any(not _FLAT_ITSELF.isdisjoint(token.lemmas) for token in tokens):
        return False
    if _has(tokens, _HOUSE_OBJECT) and not _strong_flat(tokens, evidence):
        return True
    for start, _ in _PROPERTY.find(tokens, used=True):
        lemma = tokens[start].lemmas
        if tokens.low(start - 1) in _AMENITY_BEFORE and start > 0:
            continue
        if "дом" in lemma:
            if _is_house_itself(tokens, start, evidence) or (
                any(not _LAND.isdisjoint(token.lemmas) for token in tokens) and not evidence.rooms
            ):
                return True
            continue
        if "комната" in lemma and evidence.rooms and _is_alternative(tokens, start):
            continue
        if "комната" in lemma and (tokens[start].used or tokens.low(start) != "комнату"):
            continue
        if _strong_flat(tokens, evidence) and "комната" not in lemma:
            continue
        return True
    return False


def _is_a_share(tokens: Tokens) -> bool:
    """«Доля в квартире», «комната в трёшке»; «без долей» and «две комнаты в» are none."""
    for start, end in _SHARE.find(tokens):
        kept = tokens.low(start - 1) in _AMENITY_BEFORE or tokens[start].used
        if not kept and end < len(tokens) and _is_home(tokens, end):
            return True
    return False


def _is_home(tokens: Tokens, at: int) -> bool:
    token = tokens[at]
    return room_word(token.low) is not None or not _HOMES.isdisjoint(token.lemmas)


_HOMES = words("квартира коммуналка общежитие общага хрущевка сталинка коммунальный двухкомнатный")


def _is_alternative(tokens: Tokens, at: int) -> bool:
    """«Комнату или студию»: a flat will do as well."""
    return not _EITHER.isdisjoint({tokens.low(at - 1), tokens.low(at + 1)})


_EITHER = words("или либо / и")


def _is_house_itself(tokens: Tokens, at: int, evidence: Evidence) -> bool:
    """«Сколько стоит дом 120 м²»; «дом кирпичный», «дом после 2015» tell of a flat's house."""
    if tokens.low(at) != "дом" or evidence.rooms or evidence.floor or evidence.condition:
        return False
    return (at + 1 < len(tokens) and (tokens[at + 1].value or 0) > 40) or tokens.low(at + 1) == "в"


def _strong_flat(tokens: Tokens, evidence: Evidence) -> bool:
    return evidence.rooms and not any(not _LAND.isdisjoint(token.lemmas) for token in tokens)


def _is_general_question(
    tokens: Tokens, evidence: Evidence, flat: bool, *, worth: bool, seeks: bool
) -> bool:
    """A question about loans, law, districts or the market rather than about a flat."""
    topic = any(not _TOPICS.isdisjoint(token.lemmas) for token in tokens)
    asks = _has(tokens, _QUESTIONS)
    concrete = evidence.price or evidence.area
    if _has(tokens, _CHOICES) and not concrete and any(token.low == "?" for token in tokens):
        return True
    if _has(tokens, _DEFINITIONS) and not evidence.price:
        return True
    if _has(tokens, _WORKS) or (_has(tokens, _OTHER_COSTS) and not evidence.area):
        return True
    if _has(tokens, _FUTURE) and not evidence.area and not evidence.floor:
        return not (seeks and evidence.price)
    if topic:
        if asks and not (worth and evidence.area) and not _is_described(tokens, evidence, seeks):
            return True
        return not (evidence.rooms or (flat and (evidence.concrete or evidence.place)))
    if asks and not worth and not evidence.concrete:
        return not (flat and _has(tokens, _OFFERS))
    return False


def _supposes(tokens: Tokens, evidence: Evidence) -> bool:
    """«А если евроремонт?», said of the flat in question."""
    topic = any(not _TOPICS.isdisjoint(token.lemmas) for token in tokens)
    return _has(tokens, _IF) and not topic and not evidence.nothing


_IF = phrases("а если, что если, если бы, а с|без|на")


def _is_described(tokens: Tokens, evidence: Evidence, seeks: bool) -> bool:
    """Whether a flat is wanted with its rooms, its place and its price, whatever else is asked."""
    return evidence.rooms and evidence.price and (evidence.place or seeks)


def _is_budget_question(tokens: Tokens) -> bool:
    """«Хватит ли 5 млн на двушку»: a search."""
    return _has(tokens, phrases_budget)


phrases_budget = phrases("хватить ли, хватит, что можно купить|взять, сколько ни, сколько угодно")
