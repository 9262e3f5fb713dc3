"""What a run leaves: a folder with its journal, its summary, its lag and, headless, the executed notebook."""
