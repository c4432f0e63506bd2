import pytest

from tests.fakes.chat import FakeChatModel
from tests.services.chat_model_contract import ChatModelContract


class TestFakeChatModel(ChatModelContract):
    @pytest.fixture
    def model(self) -> FakeChatModel:
        return FakeChatModel("Меня зовут Проба, приятно познакомиться.")
