"""What the portal answers over HTTP: the interface for programs, and the pages for people."""
