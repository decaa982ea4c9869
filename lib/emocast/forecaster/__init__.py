"""The forecaster of recordings: trained once and saved (`training`), and asked of any recording (`inference`).

`recordings` reads sound, chooses a file and holds the command; it imports no torch: what cannot be is refused at once.
"""
