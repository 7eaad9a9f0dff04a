//! HTTP/1.1 on the wire: heads, chunked bodies (RFC 9112).
