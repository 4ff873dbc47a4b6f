"""Contact sheets: source and codecs side by side at the same bytes, chosen by rule."""
