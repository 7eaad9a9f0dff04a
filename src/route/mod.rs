//! Rules compiled into an index; the lowest matching rule wins.
