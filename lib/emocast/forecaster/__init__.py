"""The forecaster of recordings: trained once (`training`), saved (`model`), and asked of any recording.

`recordings` reads sound, chooses a file and holds the command; it imports no torch, so that what cannot be forecast from is
refused at once. `inference` forecasts, writes the table and tells it in sentences.
"""
