"""Whisper on CTranslate2, for short messages in Russian; loaded in a process of its own.

A message is read twice at once, played faster by two degrees, and the five likeliest texts of
each reading are compared. The model sees a window not much longer than the message instead of
the usual thirty seconds, so that both cost less than one reading of the usual window. Which of
the texts is taken: `services.media.hypotheses`.
"""

from __future__ import annotations

import re
from math import exp
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens
from faster_whisper.vad import VadOptions, get_speech_timestamps

from services.media.hypotheses import Hypothesis, choose
from services.media.sound import (
    RATE,
    SILENT,
    BadRecording,
    Samples,
    TooLong,
    decode,
    faster,
    loudest,
    normalised,
    padded,
)
from services.media.speech import MAX_SECONDS

SPEEDS = (1.1, 1.3)  # at which a passage is heard
PADDING = 0.5  # seconds of silence around a passage
BEAM = 5
HYPOTHESES = 5
MIN_WINDOW = 1000  # frames of 10 ms: with less the model repeats itself
MAX_WINDOW = 3000
MAX_PASSAGE = 24.0  # seconds
MAX_HINT_TOKENS = 120
TOKENS_PER_SECOND = 12
DEFAULT_LANGUAGE = "ru"
UNLIKELY_RUSSIAN = 0.02  # its neighbours are easily taken for it: speech is rather Russian
NO_SPEECH = 0.8
UNLIKELY = -1.2  # average logarithm of the probability of a text nobody said


class Whisper:
    """A loaded model; `transcribe` answers with what goes to the parent process."""

    def __init__(self, folder: str, threads: int) -> None:
        self._model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
        self._tokenizers: dict[str, Tokenizer] = {}

    def transcribe(self, recording: bytes, hints: str, language: str) -> dict[str, Any]:
        """{"text", "language", "seconds", "confidence"}, or {"reason"} when there is none."""
        try:
            samples = decode(recording, MAX_SECONDS)
        except BadRecording:
            return {"reason": "broken"}
        except TooLong:
            return {"reason": "long"}
        if loudest(samples) < SILENT:
            return {"reason": "silence"}
        passages = self._passages(normalised(samples))
        if not passages:
            return {"reason": "noise"}
        best = []
        for passage in passages:
            encoded = self._encode(passage)
            language = language or self._language(encoded)
            if hypothesis := self._read(encoded, passage.size / RATE, hints, language):
                best.append(hypothesis)
        if not best:
            return {"reason": "noise"}
        return {
            "text": " ".join(hypothesis.text for hypothesis in best),
            "language": language,
            "seconds": round(samples.size / RATE, 2),
            "confidence": round(exp(min(hypothesis.score for hypothesis in best)), 3),
        }

    def _passages(self, samples: Samples) -> list[Samples]:
        """Speech without long pauses, cut at pauses into what fits a window."""
        options = VadOptions(
            threshold=0.3, max_speech_duration_s=MAX_PASSAGE, min_silence_duration_ms=1000
        )
        spans = get_speech_timestamps(samples, options)
        passages: list[list[Samples]] = []
        length = 0.0
        for span in spans:
            piece = samples[span["start"] : span["end"]]
            seconds = piece.size / RATE
            if not passages or length + seconds > MAX_PASSAGE:
                passages.append([])
                length = 0.0
            passages[-1].append(piece)
            length += seconds
        return [np.concatenate(pieces) for pieces in passages]

    def _language(self, encoded: Any) -> str:
        """Russian, unless the passage is surely in another language."""
        found = self._model.model.detect_language(encoded)[0]  # the likeliest first
        russian = dict(found).get(f"<|{DEFAULT_LANGUAGE}|>", 0.0)
        return DEFAULT_LANGUAGE if russian > UNLIKELY_RUSSIAN else str(found[0][0][2:-2])

    def _read(self, encoded: Any, seconds: float, hints: str, language: str) -> Hypothesis | None:
        """The best reading of an encoded passage; None for noise."""
        tokenizer = self._tokenizer(language)
        words = tokenizer.encode(" " + hints)[:MAX_HINT_TOKENS] if hints else []
        prompt = self._model.get_prompt(
            tokenizer, words if language == DEFAULT_LANGUAGE else [], without_timestamps=True
        )
        results = self._model.model.generate(
            encoded,
            [prompt] * len(SPEEDS),
            beam_size=BEAM,
            num_hypotheses=HYPOTHESES,
            max_length=min(len(prompt) + 16 + int(seconds * TOKENS_PER_SECOND), 447),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        )
        hypotheses = [
            Hypothesis(tokenizer.decode(tokens).strip(), score)
            for result in results
            for tokens, score in zip(result.sequences_ids, result.scores, strict=True)
        ]
        best = choose(hypotheses, russian=language == DEFAULT_LANGUAGE)
        silent = min(result.no_speech_prob for result in results) > NO_SPEECH
        if not re.search(r"\w", best.text) or best.score < UNLIKELY * (0.5 if silent else 1):
            return None
        return best

    def _encode(self, passage: Samples) -> Any:
        """The passage at each of SPEEDS, as the decoder takes it."""
        variants = [normalised(faster(passage, times)) for times in SPEEDS]
        spectra = [self._model.feature_extractor(padded(variant, PADDING)) for variant in variants]
        longest = max(spectrum.shape[-1] for spectrum in spectra)
        window = min(MAX_WINDOW, max(MIN_WINDOW, longest + longest % 2))
        batch = np.stack([pad_or_trim(spectrum, window) for spectrum in spectra])
        return self._model.encode(batch.astype(np.float32))

    def _tokenizer(self, language: str) -> Tokenizer:
        if language not in self._tokenizers:
            self._tokenizers[language] = Tokenizer(
                self._model.hf_tokenizer, True, task="transcribe", language=language
            )
        return self._tokenizers[language]
