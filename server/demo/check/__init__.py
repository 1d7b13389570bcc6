"""`plumbline demo --check`: a scripted wearing through the whole line, and what the server says held against it."""
