//! The uwsgi packet.
