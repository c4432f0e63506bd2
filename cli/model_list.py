"""--list-models: what each service has."""

from __future__ import annotations

import argparse

from cli import report, shell
from services.env import read_settings
from services.huggingface.config import MODELS, HuggingFaceSettings


async def list_models(args: argparse.Namespace) -> int:
    """Show what can be asked; 1 when a short name has no model that is served."""
    from services.huggingface.catalog import is_served, served_models
    from services.openai_compatible import OpenAICompatibleSettings
    from services.openai_compatible import list_models as list_served

    if args.backend == "openai":
        models = await list_served(read_settings(OpenAICompatibleSettings))
        print("\n".join(model["id"] for model in models))
        return shell.OK
    if args.backend == "gigachat":
        from services.gigachat import GigaChatModel, GigaChatSettings

        async with GigaChatModel(read_settings(GigaChatSettings)) as gigachat:
            print("\n".join(f"{item.name}\t{item.kind}" for item in await gigachat.models()))
        return shell.OK
    settings = read_settings(HuggingFaceSettings)
    served = await served_models(settings)
    shell.page(report.catalog(settings, served))
    lost = [
        name
        for name in MODELS
        if not any(is_served(model_id, served) for model_id in settings.card(name).ids)
    ]
    for name in lost:
        shell.say(f"{name}: ни одну модель не обслуживают. Другая: HF_MODEL_{name.upper()} в .env.")
    return shell.FAILED if lost else shell.OK
