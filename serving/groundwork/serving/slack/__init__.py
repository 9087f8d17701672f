"""The Slack front end: mentions, direct messages, assistant threads and a slash command."""
