"""The repository made for one signed-in person: all reads and writes of patients' data go through it.

`Entrance` decides and tells the trail; each topic has a file of its own, whose methods begin with `_enter` or
`_writing`.
"""

from __future__ import annotations

from server.access.care_commands import CareCommands
from server.access.care_computers import CareComputers
from server.access.care_days import CareDays
from server.access.care_diary import CareDiary
from server.access.care_list import CareList, Standing
from server.access.care_notes import CareNotes
from server.access.care_plans import CarePlans
from server.access.care_records import CareRecords
from server.access.care_reports import CareReports
from server.access.care_rights import CareRights
from server.access.care_trends import CareTrends
from server.access.grounds import Patient

__all__ = ["Care", "Patient", "Standing"]


class Care(
    CareList,
    CareDays,
    CareTrends,
    CarePlans,
    CareComputers,
    CareRecords,
    CareRights,
    CareNotes,
    CareReports,
    CareDiary,
    CareCommands,
):
    """What one person may see and change at one moment."""
