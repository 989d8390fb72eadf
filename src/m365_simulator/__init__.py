"""A Microsoft 365 in one process: sign-in, Graph, Exchange and SharePoint over HTTP, with state.

It is a program of its own. It shares no code with `leaver` and was written from Microsoft's documentation, so that a
wrong client cannot hide behind a wrong simulator.
"""
