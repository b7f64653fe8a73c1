"""What `dev.py` needs beside itself. The standard library only."""
