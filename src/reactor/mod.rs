//! I/O: streams, listeners, dialling, mailboxes, offload threads.
