"""People who use Tollbar, imitated with Locust."""
