//! One thread per core: where machines meet sockets.
