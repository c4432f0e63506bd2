"""State that survives a restart: a SQLite file in DATA_DIR, or the PostgreSQL of DATABASE_URL.

`Database` owns the connections, `migrations` the tables; each store is a few statements
over one table and takes the `Database` it works on. Tables that only one bot needs are
declared by that bot on the same `Base`, and built by a migration like all others. A store's
method is one transaction: when it returns, the change has reached the operating system and
survives `kill -9`; while the database is away it waits.
"""

from services.storage.database import Base, Database, StorageSettings
from services.storage.history import ConversationKey, HistoryStore, StoredMessage
from services.storage.inbox import Inbox
from services.storage.preferences import PreferenceStore
from services.storage.process_lock import process_lock
from services.storage.spending import Spending, SpendingStore

__all__ = [
    "Base",
    "ConversationKey",
    "Database",
    "HistoryStore",
    "Inbox",
    "PreferenceStore",
    "Spending",
    "SpendingStore",
    "StorageSettings",
    "StoredMessage",
    "process_lock",
]
