"""What Emocast costs: ratios against the plain way, each measured in one run.

`make bench` runs all of them and writes outputs/bench.md.

Speed and memory belong to a machine and an hour, so no test asserts them. Each benchmark gives a table and a sentence that
says what was done; ways are measured in turn, round by round, so that a busy machine slows them alike, and each ratio stands
with the spread of its rounds.
"""
