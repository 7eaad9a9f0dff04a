//! Groups of servers: picking one, and remembering which failed.
