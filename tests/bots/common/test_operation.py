"""Running it: the webhook, health and metrics, logs, access, budgets, one process a folder."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiogram.types import Update

from bots.common import texts
from bots.common.config import BotSettings
from bots.common.middlewares import PasteMiddleware
from bots.launch import set_up_logging
from services.env import PROJECT_ROOT
from services.errors import ConfigError
from services.metering import Budget, Meter, payer
from services.chat import Message
from services.errors import BudgetSpent
from services.playground import Playground, RateLimits
from services.storage import Database, Spending, SpendingStore, StorageSettings, only_process
from services.texts import describe_error
from tests.bots.harness import running_bot
from tests.bots.literary_bot import create_dispatcher
from tests.fakes.chat import FakeChatModel
from tests.fakes.openai_server import Answer, OpenAIServer
from tests.servers import free_port
