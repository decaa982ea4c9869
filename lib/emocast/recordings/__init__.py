"""Any recording that people have: read as a stream, heard window by window, forecast second by second.

In the order of the way: `choosing` (which file), `reading` (any format, block by block), `outline` (its waveform, small),
`sliding` (the window that ends at each second), `hearing` (windows -> forecasts, table and CSV), `words` (the same in
sentences), `listening` (a small copy to hear), `command` (all of it from a shell). Memory does not grow with the recording,
but for the table of forecasts, and nothing after a window's end reaches its forecast.
"""
