"""Erases of a flash under littlefs by the files that the clip writes in a number of days.

In: blocks of 4096 bytes; of them, how many other files fill; days; of each day: minutes, events, saves of the reminder
policy, boots. Out: erases in all and of the most used block; how many one record cost, and what the same records would
cost in the middle of one large file.
"""

import json
import os
import sys

import vfs
from clip import guarded, identity, journal
from nor import Nor


def in_one_file(flash, count):
    """Erases a record when records of 107 bytes are changed here and there in a file of 4096 of them."""
    with open("ring", "w+b") as file:
        for _ in range(4096):
            file.write(bytes(107))
        file.flush()
        before = sum(flash.erases)
        for n in range(count):
            file.seek(n * 4096 // count * 107)
            file.write(bytes(107))
            file.flush()
        cost = sum(flash.erases) - before
    os.remove("ring")
    return cost / count


def main():
    with open(sys.argv[1]) as file:
        wanted = json.load(file)
    flash = Nor(wanted["blocks"])
    vfs.VfsLfs2.mkfs(flash)
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    os.chdir("/flash")
    filler = bytes(4096)
    with open("others", "wb") as file:
        for _ in range(wanted["others"]):
            file.write(filler)
    before = sum(flash.erases)
    records = wanted["minutes"] + wanted["events"]
    by_journal = 0
    for _ in range(wanted["days"]):
        for boot in range(wanted["boots"]):
            identity.begin()
            kept = journal.Journal()
            for n in range(records // wanted["boots"]):
                started = sum(flash.erases)
                kept.append(bytes(85))
                by_journal += sum(flash.erases) - started
                kept.acknowledge(kept.next - 1)
                for _ in range(wanted["saves"] // records):
                    guarded.save("policy.bin", 6, 1, bytes(wanted["policy"]))
            kept.close()
            os.chdir("/")
            vfs.umount("/flash")
            vfs.mount(vfs.VfsLfs2(flash), "/flash")
            os.chdir("/flash")
    written = wanted["days"] * (records // wanted["boots"]) * wanted["boots"]
    answer = {"all": sum(flash.erases) - before, "most": max(flash.erases), "record": by_journal / written}
    answer["one file"] = in_one_file(flash, 40)
    with open(sys.argv[2], "w") as file:
        json.dump(answer, file)


main()
