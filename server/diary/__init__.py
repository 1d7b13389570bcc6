"""What patients say of themselves: pain, whether a reminder helped, urgent signs; and one small goal at a time."""
