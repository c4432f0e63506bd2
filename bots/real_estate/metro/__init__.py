"""The metro of Moscow and St Petersburg, and the time on the way by it."""
