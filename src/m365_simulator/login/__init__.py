"""The login: tokens for apps, and the documents by which Microsoft's libraries find their way to them."""
