"""Persistent state: a SQLite file in DATA_DIR, or the PostgreSQL of DATABASE_URL.

`Database` owns the connections, `migrations` creates the tables; each store is a few statements
over one table. A bot declares its own tables on the same `Base` and keeps their migrations in
`bots/<bot>/migrations/`. A store's method is one transaction: when it returns, the change
survives `kill -9`. While the database is unavailable the method waits and retries.
"""

from services.storage.database import Base, Database, StorageSettings
from services.storage.documents import DocumentStore, StoredDocument
from services.storage.export import PERSON, ExportStore
from services.storage.history import ConversationKey, HistoryStore, StoredMessage
from services.storage.inbox import Inbox
from services.storage.preferences import PreferenceStore
from services.storage.process_lock import process_lock
from services.storage.spending import Spending, SpendingStore

__all__ = [
    "PERSON",
    "Base",
    "ConversationKey",
    "Database",
    "DocumentStore",
    "ExportStore",
    "HistoryStore",
    "Inbox",
    "PreferenceStore",
    "Spending",
    "SpendingStore",
    "StorageSettings",
    "StoredDocument",
    "StoredMessage",
    "process_lock",
]
