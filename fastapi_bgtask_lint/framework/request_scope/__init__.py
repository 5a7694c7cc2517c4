"""What belongs to the request: values of dependencies, sessions, uploads, how long they live, where they escape to."""
