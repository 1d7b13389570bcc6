"""The clip's main with its heap watched: what is there before the firmware is loaded, and then once a second what is free
before the collection and in use after it."""

import gc

import micropython


class Watch:
    """Takes the place of `gc` in the application."""

    def mem_free(self):
        return gc.mem_free()

    def collect(self):
        before = gc.mem_free()
        gc.collect()
        print("heap", before, gc.mem_alloc())


watch = Watch()
gc.collect()
print("apart", gc.mem_alloc())
micropython.opt_level(3)
gc.threshold(2048)  # as clip.main does while it loads

from clip import app

app.gc = watch

import clip.main
