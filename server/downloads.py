"""Files that are made when somebody asks for them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, cast

from fastapi.responses import StreamingResponse

_CHUNK: Final = 65_536


def zip_file(write: Callable[[BinaryIO], str]) -> StreamingResponse:
    """What `write` writes, to be saved under the pseudonym that it returns. It is complete on the disk before the first
    byte leaves, so that an answer that begins well is whole."""
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed when the last byte has left
    try:
        name = f"plumbline-{write(file)}.zip"
    except BaseException:
        file.close()
        raise
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-length": str(file.tell())}
    return StreamingResponse(_parts(file), media_type="application/zip", headers=headers)


def _parts(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while part := file.read(_CHUNK):
            yield part
