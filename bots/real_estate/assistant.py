"""What the assistant does with a message: understand, look up, word. Knows no Telegram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from bots.common.rich import Block
from bots.real_estate import rich_wording, texts, wording
from bots.real_estate.dialogue import (
    PLACES,
    State,
    advance,
    asking,
    can_answer,
    flat_of,
    next_question,
    without_slot,
)
from bots.real_estate.listings import Listing, ListingStore, SearchPage, search
from bots.real_estate.listings.keeping import SavedItems, SavedSearch
from bots.real_estate.listings.prices import PricePeriod
from bots.real_estate.listings.search import PAGE
from bots.real_estate.market import Market, market_facts, read_market
from bots.real_estate.metro.travel import Way, way_of
from bots.real_estate.mortgage.talk import LoanTalk
from bots.real_estate.pictures import MOST_ON_A_MAP
from bots.real_estate.prompts import READ_LISTING
from bots.real_estate.request import Slots
from bots.real_estate.understanding import ParsedMessage, load_gazetteer, read_turn
from bots.real_estate.understanding.model import read_with_model
from bots.real_estate.understanding.places import read_places
from bots.real_estate.understanding.tokens import tokenize
from bots.real_estate.valuation.appraisal import Appraisal, Refusal
from bots.real_estate.valuation.appraiser import Appraiser
from bots.real_estate.valuation.model import Accuracy
from bots.real_estate.voice import Voice
from services.chat import ChatModel, Image
from services.dialogue import room_for
from services.head_start import once_settled
from services.media.documents.excerpts import Excerpts, names_document
from services.media.pictures import describe
from services.storage import PreferenceStore

_COMPARED, _TICKED, _STATE, _STYLE = "compared", "ticked", "state", "style"
MAX_COMPARED = 4
MAX_BEFORE = 10_000  # people whose state before their last message is known


@dataclass(frozen=True, slots=True)
class Answer:
    """What to show: a text, the state it belongs to, and the flats that it lists.

    `facts` are what a model may comment on afterwards, `appraisal` the estimate that is told.
    """

    text: str
    state: State = State()  # noqa: RUF009  (frozen)
    listings: tuple[Listing, ...] = ()
    total: int = 0
    offset: int = 0
    facts: str = ""
    appraisal: Appraisal | None = None
    rich: tuple[Block, ...] = ()  # the same, for where rich messages can be sent


@dataclass(frozen=True, slots=True)
class FlatCard:
    """A listing as one user sees it."""

    listing: Listing
    starred: bool
    compared: bool
    prices: tuple[PricePeriod, ...] = ()
    way: Way | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """How well the assistant does."""

    listings: int
    demo: bool
    accuracy: Accuracy | None
    training: bool
    models_rejected: int
    texts_rejected: int


class OldButton(Exception):
    """The button belongs to an earlier request."""


class Assistant:
    """One assistant for all users of the bot."""

    def __init__(
        self,
        model: ChatModel,
        store: ListingStore,
        appraiser: Appraiser,
        preferences: PreferenceStore,
        voice: Voice | None = None,
        *,
        comments: bool = False,
        reads: bool = True,
    ) -> None:
        """Facts never wait for the model.

        `comments`: it adds words to results. `reads`: it reads what the rules leave open.
        """
        self._model = model
        self._preferences = preferences
        self.store = store
        self.appraiser = appraiser
        self.saved_items = SavedItems(store)
        self.loans = LoanTalk(preferences)
        self.voice = voice or Voice(model)
        self._comments = comments
        self._reads = reads
        self._before: dict[int, State] = {}

    @property
    def room(self) -> int:
        """Characters of a document that a prompt takes."""
        return room_for(self._model)

    async def reply(
        self,
        owner_id: int,
        text: str,
        *,
        excerpts: Excerpts = Excerpts(),  # noqa: B008  (frozen)
        pictures: Sequence[Image] = (),
    ) -> Answer:
        """Answer a message and remember what it changed.

        `excerpts` are what the talk's documents say about it. What `pictures` show, a flat or
        a listing, is read into the same request. Raises CannotSee where the model can't.
        """
        style = await self.style(owner_id)
        state = await self.state(owner_id)
        self._note_before(owner_id, state)
        if pictures:
            shown = await describe(self._model, pictures, READ_LISTING)
            text = f"{text}\n{shown}"
        if excerpts and names_document(text):
            return Answer(await self.voice.answer_by(style, text, excerpts), state)
        budget = state.slots.price_max if state.intent == "search" else None
        if sums := await self.loans.reply(owner_id, text, state.slots.city, budget):
            return Answer(sums)
        turn = await self._read(text, state)
        if turn.intent == "other" and (about := await self._about_the_talk(owner_id, state, turn)):
            return about
        changed = advance(state, turn)
        if turn.foreign and turn.intent == "other":
            return Answer(wording.ENGLISH, state)
        if turn.intent == "other" and not turn.cleared and not turn.reset:
            if excerpts:
                return Answer(await self.voice.answer_by(style, text, excerpts), state)
            return Answer(await self.voice.talk(style, text), state)
        notes = wording.way_notes(changed.slots, turn)
        if slot := next_question(changed):
            changed = asking(changed, slot)
            await self._keep(owner_id, changed)
            understood = f"{wording.understood(changed.slots)}{notes}"
            return Answer(f"{understood}\n\n{wording.lead(slot, style)}".strip(), changed)
        changed = replace(changed, asked=None)
        await self._keep(owner_id, changed)
        if not can_answer(changed):
            return Answer(wording.lead("help", style), changed)
        if changed.intent == "value":
            return await self._value(changed, style)
        answer = await self._search(changed, style)
        return replace(answer, text=f"{answer.text}{wording.ignored(turn.ignored)}{notes}")

    async def _about_the_talk(
        self, owner_id: int, state: State, turn: ParsedMessage
    ) -> Answer | None:
        """The answer to a wish about what was shown or about the market; None for other ones."""
        wish = turn.follow_up
        if wish.market and (told := await self._market_of(turn, state)):
            return told
        if state.intent != "search" or not can_answer(state):
            return None
        style = await self.style(owner_id)
        if wish.compared:
            return await self._compare(state, style, wish.compared)
        if wish.picked:
            return await self._pick(owner_id, state, wish.picked, starred=wish.starred)
        if wish.more:
            return await self._next_page(owner_id, state, style)
        if wish.order:
            found = await self._search(replace(state, sort=wish.order), style)
            await self._keep(owner_id, found.state)
            return found
        if turn.ignored:
            return Answer(texts.NO_FILTER.format(wishes=", ".join(turn.ignored)), state)
        if wish.watched or wish.on_map:
            found = await self._search(state, style)
            return replace(found, text=texts.HOW_TO_WATCH if wish.watched else texts.HOW_TO_MAP)
        return None

    async def _market_of(self, turn: ParsedMessage, state: State) -> Answer | None:
        """What a metre costs in the place named, else in the talk's own."""
        named = {name: turn.places[name] for name in PLACES if name in turn.places}
        slots = Slots(**named) if named else state.slots
        if not slots.place:
            return None
        market = await self.market(slots)
        if market is None:
            return Answer(texts.MARKET_FEW.format(place=slots.place), state)
        return Answer(f"{market_facts(market)}\n{texts.MARKET_CHART}", state)

    async def _pick(self, owner_id: int, state: State, place: int, *, starred: bool) -> Answer:
        """The flat at a place of the list: its card, or into the favourites with it."""
        page = await search(self.store, state.slots, sort=state.sort, limit=place)  # type: ignore[arg-type]
        if len(page.listings) < place:
            return Answer(texts.NO_SUCH_PLACE.format(total=page.total), state)
        listing = page.listings[place - 1]
        if starred:
            if not await self.saved_items.is_favourite(owner_id, listing.id):
                await self.toggle_favourite(owner_id, listing.id)
            return Answer(texts.STARRED_BY_WORD.format(place=place), state)
        way = way_of(state.slots)
        prices = await self.store.prices(listing.id)
        text = f"{wording.card(listing, prices, way)}\n\n{wording.verdict(listing)}".strip()
        return Answer(text, state, (listing,), page.total, place - 1)

    async def _next_page(self, owner_id: int, state: State, style: str) -> Answer:
        offset = state.offset + PAGE
        page = await self._search(state, style, offset=offset)
        if offset >= page.total:
            return Answer(texts.NO_MORE.format(total=page.total), state)
        await self._keep(owner_id, page.state)
        return page

    async def take_back(self, owner_id: int) -> None:
        """Go back to before the last message: it reads otherwise now."""
        if before := self._before.pop(owner_id, None):
            await self._keep(owner_id, before)

    def _note_before(self, owner_id: int, state: State) -> None:
        self._before.pop(owner_id, None)
        self._before[owner_id] = state
        if len(self._before) > MAX_BEFORE:
            del self._before[next(iter(self._before))]

    async def comment(self, owner_id: int, answer: Answer, request: str) -> str | None:
        """The model's words on an answer that was sent; None where they aren't worth it."""
        if not (self._comments and answer.facts):
            return None
        return await self.voice.comment(await self.style(owner_id), answer.facts, request)

    async def show(
        self, owner_id: int, key: str, *, offset: int = 0, sort: str | None = None
    ) -> Answer:
        """The search `key` again: another page or order. Raises OldButton."""
        state = await self._request(owner_id, key)
        if sort:
            state = replace(state, sort=sort)
        answer = await self._search(state, await self.style(owner_id), offset=offset)
        await self._keep(owner_id, answer.state)
        return answer

    async def details(self, owner_id: int, key: str) -> Answer:
        """What the estimate of the request `key` is made of. Raises OldButton."""
        state = await self._request(owner_id, key)
        result = await self.appraiser.appraise(flat_of(state.slots), _asked_price(state.slots))
        if not isinstance(result, Appraisal):
            raise OldButton
        text, rich = wording.appraisal_details(result), rich_wording.estimate_parts(result)
        return Answer(text, state, appraisal=result, rich=tuple(rich))

    async def found(self, owner_id: int, key: str) -> tuple[SearchPage, str]:
        """What the search `key` finds, as much as a map holds, and its name. OldButton."""
        state = await self._request(owner_id, key)
        page = await search(self.store, state.slots, sort=state.sort, limit=MOST_ON_A_MAP)  # type: ignore[arg-type]
        return page, wording.understood(state.slots).removeprefix("Я понял: ").rstrip(".")

    async def watch(self, owner_id: int, key: str, chat_id: int) -> bool:
        """Tell of new flats for the search `key`; False when there are too many. OldButton."""
        state = await self._request(owner_id, key)
        return await self.saved_items.save_search(owner_id, chat_id, state.slots)

    async def _request(self, owner_id: int, key: str) -> State:
        state = await self.state(owner_id)
        if state.key != key:
            raise OldButton
        return state

    async def drop(self, owner_id: int, key: str, slot: str) -> Answer:
        """The request `key` without one of its slots. Raises OldButton."""
        state = await self._request(owner_id, key)
        if slot not in state.slots.said():
            raise OldButton
        state = without_slot(state, slot)
        await self._keep(owner_id, state)
        style = await self.style(owner_id)
        if not can_answer(state):
            return Answer(wording.lead("place", style), state)
        if state.intent == "value":
            return await self._value(state, style)
        return await self._search(state, style)

    async def state(self, owner_id: int) -> State:
        return State.from_json(await self._preferences.get(owner_id, _STATE))

    async def reset(self, owner_id: int) -> None:
        await self._keep(owner_id, State())

    async def style(self, owner_id: int) -> str:
        style: str = await self._preferences.get(owner_id, _STYLE, wording.DEFAULT_STYLE)
        return style

    async def set_style(self, owner_id: int, style: str) -> None:
        await self._preferences.set(owner_id, _STYLE, style)

    async def compared(self, owner_id: int) -> list[int]:
        """The flats that were put side by side."""
        ids: list[int] = await self._preferences.get(owner_id, _COMPARED, [])
        return ids

    async def toggle_compared(self, owner_id: int, listing_id: int) -> list[int]:
        """Put a flat beside the others or take it away; the oldest leaves when there are four."""
        ids = await self.compared(owner_id)
        ids = [*ids, listing_id] if listing_id not in ids else [i for i in ids if i != listing_id]
        ids = ids[-MAX_COMPARED:]
        await self._preferences.set(owner_id, _COMPARED, ids)
        return ids

    async def ticked(self, owner_id: int, checklist: str) -> list[int]:
        ticks: list[int] = await self._preferences.get(owner_id, f"{_TICKED}:{checklist}", [])
        return ticks

    async def set_ticked(self, owner_id: int, checklist: str, ticks: list[int]) -> None:
        await self._preferences.set(owner_id, f"{_TICKED}:{checklist}", ticks)

    async def card(self, owner_id: int, listing_id: int) -> FlatCard | None:
        """A listing for one user; None when it is gone."""
        found = await self.store.get([listing_id])
        if not found:
            return None
        starred = await self.saved_items.is_favourite(owner_id, listing_id)
        compared = listing_id in await self.compared(owner_id)
        prices = tuple(await self.store.prices(listing_id))
        way = way_of((await self.state(owner_id)).slots)
        return FlatCard(found[0], starred, compared, prices, way)

    async def compared_flats(self, owner_id: int) -> list[Listing]:
        return await self.store.get(await self.compared(owner_id))

    async def favourites(self, owner_id: int) -> list[Listing]:
        return await self.saved_items.favourites(owner_id)

    async def toggle_favourite(self, owner_id: int, listing_id: int) -> bool:
        return await self.saved_items.toggle_favourite(owner_id, listing_id)

    async def searches(self, owner_id: int) -> list[SavedSearch]:
        return await self.saved_items.searches(owner_id)

    async def unwatch(self, owner_id: int, search_id: int) -> list[SavedSearch]:
        """Stop a saved search; return those that are left."""
        await self.saved_items.remove_search(owner_id, search_id)
        return await self.saved_items.searches(owner_id)

    async def market_place(self, owner_id: int, text: str) -> Slots | None:
        """The place of /market: what follows the command, else the talk's own; None is unsaid."""
        slots = read_place(text) if text.strip() else (await self.state(owner_id)).slots
        return slots if slots.place else None

    async def market(self, slots: Slots) -> Market | None:
        """The market of a place; None where there are too few flats."""
        return await read_market(self.store, slots)

    async def stats(self) -> Stats:
        appraiser = self.appraiser
        return Stats(
            await self.store.count(), await self.store.has_demo(), appraiser.accuracy,
            appraiser.training, appraiser.rejected, self.voice.guard.rejected,
        )  # fmt: skip

    async def forget(self, owner_id: int) -> None:
        """Delete everything that is kept of a user."""
        await self._preferences.forget(owner_id)
        await self.saved_items.forget(owner_id)
        self._before.pop(owner_id, None)

    async def _keep(self, owner_id: int, state: State) -> None:
        keep = partial(self._preferences.set, owner_id, _STATE, state.to_json())
        await once_settled(keep)

    async def _read(self, text: str, state: State) -> ParsedMessage:
        previous = state.intent if state.intent != "other" else None
        turn = read_turn(text, previous, state.asked)
        if turn.sure or not self._reads:
            return turn
        return await read_with_model(self._model, text, turn)

    async def _search(self, state: State, style: str, offset: int = 0) -> Answer:
        page = await search(self.store, state.slots, sort=state.sort, offset=offset)  # type: ignore[arg-type]
        if page.total:
            way = way_of(state.slots)
            event, facts = "found", wording.search_facts(page, offset, state.sort, way)
        else:
            event, facts = "nothing", wording.nothing_facts(page.blockers)
        return Answer(
            _opened(state, event, style, facts), replace(state, offset=offset), page.listings,
            page.total, offset, facts,
        )  # fmt: skip

    async def _value(self, state: State, style: str) -> Answer:
        asked = _asked_price(state.slots)
        result = await self.appraiser.appraise(flat_of(state.slots), asked)
        if result is None:
            return Answer(wording.lead("no_model", style), state)
        if isinstance(result, Refusal):
            facts = wording.refusal_facts(result)
            return Answer(_opened(state, "refused", style, facts), state, facts=facts)
        facts = wording.appraisal_facts(result, asked)
        if await self.store.has_demo():
            facts = f"{facts}\n⚠️ {wording.DEMO}"
        text = _opened(state, "valued", style, facts)
        rich = tuple(rich_wording.valuation(text, result))
        return Answer(text, state, facts=facts, appraisal=result, rich=rich)

    async def _compare(self, state: State, style: str, places: tuple[int, ...]) -> Answer:
        """The flats at these places of the list, side by side."""
        page = await search(self.store, state.slots, sort=state.sort, limit=max(places))  # type: ignore[arg-type]
        flats = [page.listings[place - 1] for place in places if place <= len(page.listings)]
        if len(flats) < 2:
            return Answer(wording.lead("help", style), state)
        return Answer(wording.comparison(flats), state, rich=tuple(rich_wording.comparison(flats)))


def _opened(state: State, event: str, style: str, facts: str) -> str:
    """What was understood, the style's sentence, the facts."""
    parts = (wording.understood(state.slots), wording.lead(event, style), facts)
    return "\n\n".join(filter(None, parts))


def read_place(text: str) -> Slots:
    """The city, the district or the station that a text names."""
    mentions = read_places(tokenize(text), load_gazetteer())
    named = {name: value for item in reversed(mentions) for name, value in item.values.items()}
    return Slots(**{name: named.get(name) for name in ("city", "district", "metro")})


def _asked_price(slots: Slots) -> float | None:
    return slots.price_max or slots.price_min
