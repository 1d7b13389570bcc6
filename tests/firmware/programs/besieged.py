"""The clip's main that says once a second what is in use of the heap after a collection, and how many connections, writes
and notifications it holds."""

import asyncio
import gc

from clip import app

live = []


class Watch:
    """Takes the place of `gc` in the application."""

    def mem_free(self):
        return gc.mem_free()

    def collect(self):
        gc.collect()
        link, sender, gatt = live[0].link, live[0].sender, live[0].gatt
        queued = len(sender._events) + len(sender._unconfirmed) + len(sender._pieces) + sender._waiting
        print("second", gc.mem_alloc(), len(link._sessions), queued, len(gatt._events))


def remembered(run):
    def running(self, *rest):
        live.append(self)
        return run(self, *rest)

    return running


app.gc = Watch()
app.App.run = remembered(app.App.run)
asyncio.run(app.main())
