//! WebSocket codecs: handshake, frame headers, masking (RFC 6455).
