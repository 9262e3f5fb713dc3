"""The archive: records read, listed, compared, shown to people, and what makes edits visible."""
