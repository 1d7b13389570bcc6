"""Server-rendered pages for people: templates, styles and charts. They read through `server.access.care` only."""
