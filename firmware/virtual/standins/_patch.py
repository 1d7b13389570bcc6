# asyncio waits in granted time: its queue of things to wait for tells the radio how long there is nothing to do.
import _radio
from time import ticks_diff, ticks_ms


def into(core):
    poll = core.IOQueue.wait_io_event

    def wait_io_event(self, dt):
        _radio.dispatch()
        while True:
            if self.map:
                poll(self, 0)
            if dt == 0:
                return
            head = core._task_queue.peek()
            if head is not None:
                ms = ticks_diff(head.ph_key, ticks_ms())
                if ms <= 0:
                    return
                _radio.wait(_radio.at_ms(_radio.now_ms + ms))
            else:
                _radio.wait(-1)

    core.IOQueue.wait_io_event = wait_io_event
