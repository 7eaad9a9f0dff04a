//! The machines: what the proxy decides. Pure: no sockets, no clock.
