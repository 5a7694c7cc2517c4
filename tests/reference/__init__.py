"""The reference application in a process of its own, driven over a real port, with real mail, databases and queue."""
