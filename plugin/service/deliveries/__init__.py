"""Routing: rules as data, an outbox that loses nothing, senders that must prove what they say."""
