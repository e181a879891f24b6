"""The till's API: a bundle over HTTP, with live stock, events, metrics and reload."""
