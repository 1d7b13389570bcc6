"""Who needs a look first, and why: rules over what is known of a patient, their order, and what was set aside."""
