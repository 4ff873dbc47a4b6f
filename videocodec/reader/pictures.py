"""Pictures of any frame under one choice of restoration, kept in the cache."""

from __future__ import annotations

import threading
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from ..decoder.picture_choice import Pictures, exact_pictures
from ..decoder.restoration_choice import restores
from ..errors import DamagedFrameError
from ..models.files import has_post_filter
from ..restoration.settings import RestorationSettings
from .cache import Cache, Kind
from .latents import LatentSource

if TYPE_CHECKING:
    from ..decoder.frame import Frame
    from ..decoder.frames import PictureDecoder
    from ..decoder.latents import LatentStream
    from ..interpolation.pictures import CodedFrame, FramesBetween
    from ..models.runtime import AutoencoderRuntime


class Networks:
    """The networks of one reader, loaded when the first picture is asked for: one autoencoder, and
    a restoration for each choice.

    They run for one thread at a time: PyTorch uses all cores for each.
    """

    def __init__(
        self,
        stream: LatentStream,
        device: str,
        threads: int | None,
        pictures: Pictures = "auto",
    ) -> None:
        self._stream, self._device, self._threads = stream, device, threads
        self._choice = pictures
        self._runtime: AutoencoderRuntime | None = None
        self._decoders: dict[RestorationSettings, PictureDecoder] = {}
        self._between: dict[RestorationSettings, FramesBetween] = {}
        self.lock = threading.RLock()

    def decoder(self, settings: RestorationSettings) -> PictureDecoder:
        """To be called, and its result used, by whoever holds ``lock``.

        Raises ``DeviceError`` or ``UnknownModelError``.
        """
        from ..decoder.frames import PictureDecoder

        if settings not in self._decoders:
            decoder = PictureDecoder(
                self._stream,
                self._device,
                self._threads,
                settings=settings,
                runtime=self._runtime,
                pictures=self._choice,
            )
            self._runtime = decoder.loaded_runtime
            self._decoders[settings] = decoder
        return self._decoders[settings]

    def check(self, settings: RestorationSettings) -> None:
        """Raise ``SettingsError`` for exact pictures that cannot be had; nothing is loaded."""
        if self._choice == "exact":
            self.are_exact(settings)

    def are_exact(self, settings: RestorationSettings) -> bool:
        """Whether pictures are made without PyTorch; nothing is loaded.  Raises ``SettingsError``
        as ``check``, and ``DeviceError``.
        """
        restored = restores(self._stream, None, settings)
        return (
            exact_pictures(self._stream, self._choice, self._device, restores=restored) is not None
        )

    def between(self, settings: RestorationSettings) -> FramesBetween:
        """What makes frames between coded ones; otherwise as ``decoder``."""
        from ..interpolation.pictures import FramesBetween

        if settings not in self._between:
            self._between[settings] = FramesBetween(self._stream, self.decoder(settings))
        return self._between[settings]

    def canonical(self, settings: RestorationSettings) -> RestorationSettings:
        """The same for choices that make no difference: steps and seed without a network to use
        them.
        """
        bundle = self._stream.bundle
        if settings.restore and bundle.has_unet:
            return settings
        return RestorationSettings(restore=settings.restore and has_post_filter(bundle.folder))


class PictureSource:
    """Frames of a stream under one choice of restoration; conceal: lost ones too.

    Any number of threads may call it.
    """

    def __init__(
        self,
        latents: LatentSource,
        networks: Networks,
        cache: Cache,
        settings: RestorationSettings,
        *,
        conceal: bool = False,
    ) -> None:
        self._latents, self._networks, self._cache, self._conceal = (
            latents,
            networks,
            cache,
            conceal,
        )
        self._settings = networks.canonical(settings)

    def frame(self, number: int) -> Frame:
        """Frame 0..n - 1.

        Raises ``DamagedFrameError`` and what networks raise when they cannot be had.
        """
        cached: Frame | None = self._cache.get(Kind.PICTURE, (self._settings, number))
        if cached is not None:
            return cached
        try:
            return self._made(number)
        except DamagedFrameError:
            if not self._conceal:
                raise
            return self._concealed(number)

    def _concealed(self, number: int) -> Frame:
        latents = self._latents.concealed(number)
        with self._networks.lock:
            (frame,) = self._networks.decoder(self._settings).pictures([latents], range(1))
            frame.data.flags.writeable = frame.provenance.flags.writeable = False
            return frame

    def _made(self, number: int) -> Frame:
        key = (self._settings, number)
        with self._networks.lock:
            decoder = self._networks.decoder(self._settings)
        self._latents.keeps_pictures |= decoder.decodes_exactly
        window, places = self._latents.around(
            self._latents.batch_of(number, decoder.batch_size), decoder.reach
        )
        with self._networks.lock:
            # another thread may have made it meanwhile
            cached: Frame | None = self._cache.get(Kind.PICTURE, key)
            if cached is not None:
                return cached
            for frame in map(_by_itself, decoder.pictures(window, places)):
                frame.data.flags.writeable = frame.provenance.flags.writeable = False
                if frame.index == number:
                    cached = frame
                else:
                    self._keep(frame)
            if cached is None:  # the batch begins before the damage, and this frame lies behind it
                self._latents.unit_of(number)
                raise RuntimeError(f"frame {number} is not in its batch")
            self._keep(cached)  # last, so that it is the last to go
            return cached

    def _keep(self, frame: Frame) -> None:
        self._cache.put(
            Kind.PICTURE,
            (self._settings, frame.index),
            frame,
            frame.data.nbytes + frame.provenance.nbytes,
        )

    def between(self, number: int, seconds: Fraction) -> Frame | None:
        """A frame made up for a time after frame ``number`` begins and before the next one does;
        None where nothing may be made up.  Raises as ``frame``.
        """
        with self._networks.lock:
            between = self._networks.between(self._settings)
        try:
            before, after = (
                self._coded(each, of_picture=between.of_pictures) for each in (number, number + 1)
            )
        except DamagedFrameError:
            return None
        with self._networks.lock:
            return between.picture(before, after, seconds)

    def _coded(self, number: int, *, of_picture: bool) -> CodedFrame:
        """A frame with its picture, or with what that is made of.  Raises ``DamagedFrameError``."""
        from ..interpolation.pictures import CodedFrame

        if of_picture:
            unit = self._latents.unit_of(number)
            cached: Frame | None = self._cache.get(Kind.PICTURE, (self._settings, number))
            return CodedFrame(unit[number - unit[0].index], None, cached or self._made(number))
        with self._networks.lock:
            decoder = self._networks.decoder(self._settings)
        window, places = self._latents.around(range(number, number + 1), decoder.reach)
        with self._networks.lock:
            return CodedFrame(window[places.start], decoder.restored(window, places))

    def has(self, number: int) -> bool:
        """Whether the picture is at hand."""
        return self._cache.has(Kind.PICTURE, (self._settings, number))


def _by_itself(frame: Frame) -> Frame:
    """A frame that does not hold on to the pictures of its whole batch, which would count for
    nothing in the cache.
    """
    whole = frame.data.base
    return (
        frame
        if whole is None or whole.nbytes <= frame.data.nbytes
        else replace(frame, data=frame.data.copy(order="K"))
    )
