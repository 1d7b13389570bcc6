"""What one signed-in person may see and change of their organisation, beyond single patients: the sibling of `Care`.

`DutyEntrance` decides by role and tells the trail; each topic has a file of its own, whose methods begin with `_enter`
or `_writing`. Everything is of the person's own organisation.
"""

from __future__ import annotations

from server.access.office_accounts import OfficeAccounts
from server.access.office_erasures import OfficeErasures
from server.access.office_operation import OfficeOperation
from server.access.office_patients import OfficePatients
from server.access.office_templates import OfficeTemplates
from server.access.office_tokens import OfficeTokens


class Office(OfficeAccounts, OfficePatients, OfficeTemplates, OfficeOperation, OfficeTokens, OfficeErasures):
    """What one person may see and change of their organisation at one moment."""
