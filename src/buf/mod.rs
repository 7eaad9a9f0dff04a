//! Blocks and their pool, the receive window (`Rx`) and the send queue (`Tx`).
