from tests.services.chat_model_contract import ChatModelContract


class TestGigaChatModel(ChatModelContract):
    """The fixture `model` talks to the loopback server."""
