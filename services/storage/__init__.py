"""State that survives a restart: one SQLite file under DATA_DIR, written through WAL.

`Database` owns the file and the tables; each store is a few statements over one table
and takes the `Database` it works on. Tables that only one bot needs are declared
by that bot on the same `Base`. A store's method is one transaction: when it returns,
the change has reached the operating system and survives `kill -9`.
"""

from services.storage.database import Base, Database, StorageSettings
from services.storage.history import ConversationKey, HistoryStore, StoredMessage
from services.storage.inbox import Inbox
from services.storage.preferences import PreferenceStore

__all__ = [
    "Base",
    "ConversationKey",
    "Database",
    "HistoryStore",
    "Inbox",
    "PreferenceStore",
    "StorageSettings",
    "StoredMessage",
]
