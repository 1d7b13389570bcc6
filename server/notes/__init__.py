"""What therapists write down about their patients."""
