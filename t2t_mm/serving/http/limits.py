"""Limits of one request, and of all requests together."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from t2t_mm.serving.http.request_error import RequestError, bad_request, too_busy

_BODIES = 16  # full-sized ones that are held at once
_DISCARDED = 4  # times the limit that is read and forgotten, so that the sender hears the answer


_GZIP = ("gzip", "x-gzip")  # of a body's Content-Encoding, as TensorFlow Serving takes it


@dataclass(frozen=True)
class Limits:
    """Bounds of a request's content; what is beyond them is refused with a sentence.

    Attributes:
      body_bytes: of the JSON.
      text_bytes: of a text in UTF-8. Attention's memory grows with the square of the length.
      pixels: width * height of an image before it is resized.
      audio_seconds: of a sound.
      body_seconds: within which a body must have arrived.
    """

    body_bytes: int = 16 << 20
    text_bytes: int = 8192
    pixels: int = 4096 * 4096
    audio_seconds: float = 60.0
    body_seconds: float = 30.0


class BodyReader:
    """Reads bodies within bounds of each and of all.

    Args:
      limits: of one body. All bodies that are held at the same time may have 16 times as much.
    """

    def __init__(self, limits: Limits):
        self._most = limits.body_bytes
        self._held = 0

    async def read(self, request: Request) -> bytes:
        """The request's body, unpacked if it came in gzip; `release` it after the answer.

        Raises:
          RequestError: 413 for one that is too large, packed or unpacked, 429 if too many are held,
            400 if the sender has gone or the gzip is damaged, 415 for another packing.
        """
        packing = request.headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", "", *_GZIP):
            raise RequestError(
                415, f"the body is packed by {packing[:40]!r}; send it in gzip or as it is."
            )
        self._check_announced(request)
        body, size = bytearray(), 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > self._most * _DISCARDED:
                    break
                if size <= self._most:
                    body += self._hold(chunk)
        except ClientDisconnect:
            self._held -= len(body)
            raise bad_request("the connection broke off before the body was complete.") from None
        except BaseException:
            self._held -= len(body)
            raise
        if size > self._most:
            self._held -= len(body)
            raise self._too_large(size)
        return bytes(body) if packing not in _GZIP else await self._unpacked(bytes(body))

    async def _unpacked(self, packed: bytes) -> bytes:
        try:
            body = await asyncio.to_thread(unpacked, packed, self._most)
            if len(body) > self._most:
                raise self._too_large(len(body), " when it is unpacked")
            self._hold(body)
        finally:
            self._held -= len(packed)
        return body

    def release(self, body: bytes) -> None:
        """Counts a body as no longer held."""
        self._held -= len(body)

    def _hold(self, chunk: bytes) -> bytes:
        if self._held + len(chunk) > self._most * _BODIES:
            raise too_busy("the server holds too many large requests; try again in a second.")
        self._held += len(chunk)
        return chunk

    def _check_announced(self, request: Request) -> None:
        """Spares the upload where the sender waits for leave, or sends what nobody will read."""
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isdecimal() else 0
        waits = "expect" in request.headers
        if size > self._most * (1 if waits else _DISCARDED):
            raise self._too_large(size)

    def _too_large(self, size: int, when: str = "") -> RequestError:
        return RequestError(
            413,
            f"the body has {size:,} bytes or more{when}; at most {self._most:,} are allowed "
            "(--max_body_mb).",
            {"Connection": "close"},
        )


def unpacked(packed: bytes, most: int) -> bytes:
    """The contents of a gzip file of one or several members.

    Args:
      packed: the file.
      most: bytes of the contents; of more than that the first most + 1 are returned.

    Raises:
      RequestError: 400, for what is not gzip, damaged or cut off.
    """
    found = bytearray()
    while packed:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)  # gzip's header and checksum
        try:
            found += member.decompress(packed, most + 1 - len(found))
        except zlib.error as error:
            raise bad_request(f"the body is not gzip, as it says, or damaged ({error}).") from None
        if len(found) > most:
            break
        if not member.eof:
            raise bad_request("the body is gzip that breaks off before its end.")
        packed = member.unused_data
    return bytes(found)
