# Module `_asyncio`, in Python: the built-in ones compare the computer's ticks, these the granted ones.
# The interface is the one that MicroPython's asyncio/core.py uses.
from time import ticks_diff, ticks_ms

import _radio


class TaskQueue:
    # Tasks by time; those of the same time in the order in which they came. A clip has a handful of tasks.
    def __init__(self):
        self._tasks = []

    def peek(self):
        return self._tasks[0] if self._tasks else None

    def push(self, task, key=None):
        if key is None:
            key = ticks_ms()
        task.data = None
        task.ph_key = key
        tasks = self._tasks
        at = len(tasks)
        while at and ticks_diff(tasks[at - 1].ph_key, key) > 0:
            at -= 1
        tasks.insert(at, task)

    def pop(self):
        return self._tasks.pop(0)

    def remove(self, task):
        self._tasks.remove(task)


class Task:
    # state: True running; None done, nobody waits; False done and waited for; TaskQueue: who waits; or a callable.
    # data: the exception to throw in, or what the task waits on (it has `remove`, or is a Task), or how it ended.
    def __init__(self, coro, globals=None):
        self.coro = coro
        self.data = None
        self.state = True
        self.ph_key = 0
        self._globals = globals

    def __iter__(self):
        if not self.state:
            self.state = False
        elif self.state is True:
            self.state = TaskQueue()
        elif not isinstance(self.state, TaskQueue):
            raise RuntimeError("can't wait")
        return self

    __await__ = __iter__

    def __next__(self):
        if not self.state:
            if self.data is None:
                return None
            raise self.data
        core = self._core()
        self.state.push(core.cur_task)
        core.cur_task.data = self
        return None

    def _core(self):
        import asyncio

        return asyncio.core

    def done(self):
        return not self.state

    def cancel(self):
        core = self._core()
        if not self.state:
            return False
        if self is core.cur_task:
            raise RuntimeError("can't cancel self")
        task = self
        while isinstance(task.data, Task):
            task = task.data
        if hasattr(task.data, "remove"):
            task.data.remove(task)
            core._task_queue.push(task)
        elif ticks_diff(task.ph_key, ticks_ms()) > 0:
            core._task_queue.remove(task)
            core._task_queue.push(task)
        task.data = core.CancelledError
        return True


def into(core):
    # asyncio waits in granted time: its queue of things to wait for tells the radio how long there is nothing to do.
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
