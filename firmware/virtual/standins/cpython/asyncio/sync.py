# What tasks share and wait for.
from _tasks import TaskQueue

from . import core


class Event:
    def __init__(self):
        self.state = False
        self.waiting = TaskQueue()

    def is_set(self):
        return self.state

    def set(self):
        while self.waiting.peek():
            core._task_queue.push(self.waiting.pop())
        self.state = True

    def clear(self):
        self.state = False

    async def wait(self):
        if not self.state:
            self.waiting.push(core.cur_task)
            core.cur_task.data = self.waiting
            await core._give_way()
        return True


class Lock:
    def __init__(self):
        self._held = False
        self.waiting = TaskQueue()

    def locked(self):
        return self._held

    def release(self):
        if not self._held:
            raise RuntimeError("Lock not acquired")
        if self.waiting.peek():
            core._task_queue.push(self.waiting.pop())
        else:
            self._held = False

    async def acquire(self):
        if self._held:
            self.waiting.push(core.cur_task)
            core.cur_task.data = self.waiting
            await core._give_way()
        self._held = True
        return True

    async def __aenter__(self):
        return await self.acquire()

    async def __aexit__(self, *unused):
        self.release()


class ThreadSafeFlag:
    def __init__(self):
        self.state = 0

    def set(self):
        self.state = 1

    def clear(self):
        self.state = 0

    async def wait(self):
        if not self.state:
            core._io_queue.queue_read(self)
            await core._give_way()
        self.state = 0


async def wait_for_ms(aw, timeout):
    task = core._promote(aw)
    if timeout is None:
        return await task
    waiter = core.cur_task
    timed_out = []

    async def cancel():
        await core.sleep_ms(timeout)
        timed_out.append(1)
        task.cancel()

    canceller = core.create_task(cancel())
    try:
        return await task
    except core.CancelledError:
        if timed_out:
            raise core.TimeoutError from None
        task.cancel()
        raise
    finally:
        if not timed_out and canceller is not waiter:
            canceller.cancel()


def wait_for(aw, timeout):
    return wait_for_ms(aw, None if timeout is None else int(timeout * 1000))


async def gather(*aws, return_exceptions=False):
    tasks = [core._promote(aw) for aw in aws]
    results = []
    for task in tasks:
        try:
            results.append(await task)
        except Exception as error:
            if not return_exceptions:
                raise
            results.append(error)
    return results
