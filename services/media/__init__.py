"""What people send beside text, turned into text.

`speech` is the door to speech recognition.
"""
