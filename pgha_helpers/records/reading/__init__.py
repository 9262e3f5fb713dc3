"""The archive: records read, listed, compared and shown to people, and what makes their edits
visible.
"""
