"""All that reads WAL: where it ends, what a record says, what one disk has and another lacks."""
