"""Decode recordings to samples, 16 kHz mono, with FFmpeg's libraries."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

RATE = 16_000
SILENT = 0.003  # of full scale: below it nothing was recorded


class BadRecording(Exception):
    """The bytes hold no sound that can be read."""


class TooLong(Exception):
    """The recording lasts longer than allowed."""


def decode(recording: bytes, max_seconds: float) -> Samples:
    """Return the samples in -1..1; stops reading as soon as there are too many."""
    limit = int(max_seconds * RATE)
    parts: list[npt.NDArray[np.int16]] = []
    total = 0
    try:
        with av.open(io.BytesIO(recording), "r", metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise BadRecording
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in container.decode(container.streams.audio[0]):
                for piece in resampler.resample(frame):
                    parts.append(piece.to_ndarray().reshape(-1).astype(np.int16))
                    total += parts[-1].size
                if total > limit:
                    raise TooLong
            for piece in resampler.resample(None):
                parts.append(piece.to_ndarray().reshape(-1).astype(np.int16))
    except (av.FFmpegError, ValueError, OSError) as error:
        if not parts:
            raise BadRecording from error
        # A recording that was cut off is read as far as it goes.
    if not parts:
        raise BadRecording
    return (np.concatenate(parts) / 32768).astype(np.float32)


def loudest(samples: Samples) -> float:
    return float(np.abs(samples).max()) if samples.size else 0.0


def normalised(samples: Samples) -> Samples:
    """The samples at nearly full volume."""
    return (samples * (0.95 / max(loudest(samples), 1e-4))).astype(np.float32)


def faster(samples: Samples, times: float) -> Samples:
    """The recording played `times` faster, in a higher voice."""
    if times == 1:
        return samples
    positions = np.linspace(0, samples.size - 1, int(samples.size / times))
    return np.interp(positions, np.arange(samples.size), samples).astype(np.float32)


def padded(samples: Samples, seconds: float) -> Samples:
    """The recording with silence before and after it."""
    silence = np.zeros(int(seconds * RATE), np.float32)
    return np.concatenate([silence, samples, silence])
