"""A week or four weeks on one page of paper, for a doctor who has never seen the clip."""
