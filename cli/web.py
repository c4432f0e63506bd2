"""Answers from the web in the terminal tools: --web and the addresses that a question names."""

from __future__ import annotations

import argparse

from services.chat import ChatModel
from services.web import reading_pages, searching


def add_option(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--web",
        action="store_true",
        help="искать ответ в интернете, с источниками (GigaChat-3; с --backend gigachat)",
    )


def with_web(model: ChatModel, args: argparse.Namespace) -> ChatModel:
    """The model as the options want it: searching, or just reading the pages that are named."""
    return searching(model) if args.web else reading_pages(model)
