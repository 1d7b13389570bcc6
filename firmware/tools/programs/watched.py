"""The clip's main with its heap watched: what is there before the firmware is loaded, and then once a second what is free
before the collection and in use after it. The firmware comes from the image `rom.img` if there is one."""

import gc
import sys

import micropython
import vfs


class Watch:
    """Takes the place of `gc` in the application."""

    def mem_free(self):
        return gc.mem_free()

    def threshold(self, amount):
        gc.threshold(amount)

    def collect(self):
        before = gc.mem_free()
        gc.collect()
        print("heap", before, gc.mem_alloc())


def mount():
    """On a board the image is in flash; here it takes its own length of the heap."""
    try:
        file = open("rom.img", "rb")
    except OSError:
        return None
    data = bytearray(file.seek(0, 2))
    file.seek(0)
    file.readinto(data)
    file.close()
    vfs.mount(vfs.VfsRom(data), "/rom")
    sys.path.insert(0, "/rom")
    return data


watch = Watch()
rom = mount()
gc.collect()
print("apart", gc.mem_alloc())
micropython.opt_level(3)
gc.threshold(2048)  # as clip.main does while it loads

from clip import app

app.gc = watch

import clip.main
