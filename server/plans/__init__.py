"""Plans: versioned prescriptions, and what each clip has confirmed."""
