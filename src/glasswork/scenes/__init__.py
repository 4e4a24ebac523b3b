"""A page as data; answers messages. No HTTP, no widgets."""
