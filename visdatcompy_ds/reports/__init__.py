"""The workshops that write for people and machines: tables, text, pages, figures."""
