//! Which servers of a group one request has been to.

/// The servers, by their place in the group, that one request has tried; plain data of a fixed size.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tried {
    servers: [u16; Tried::MAX],
    len: u8,
}

impl Tried {
    /// So many servers one request may try: a large group that is down answers soon.
    pub const MAX: usize = 7;

    /// None yet.
    pub fn new() -> Tried {
        Tried::default()
    }

    /// Notes that `server` is tried now.
    pub fn add(&mut self, server: u16) {
        if let Some(place) = self.servers.get_mut(usize::from(self.len)) {
            *place = server;
            self.len += 1;
        }
    }

    /// Whether `server` was tried.
    pub fn contains(&self, server: u16) -> bool {
        self.servers[..self.len()].contains(&server)
    }

    /// How many were tried.
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Whether none was tried.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether no further one may be tried.
    pub fn is_full(&self) -> bool {
        self.len() == Tried::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_what_was_added_until_it_is_full() {
        let mut tried = Tried::new();
        assert!(tried.is_empty() && !tried.contains(0));
        for server in 0..Tried::MAX as u16 {
            assert!(!tried.is_full());
            tried.add(server * 10);
        }
        assert!(tried.is_full() && tried.contains(0) && tried.contains(60) && !tried.contains(5));
        tried.add(5);
        assert_eq!(tried.len(), Tried::MAX);
        assert_eq!(size_of::<Tried>(), 16);
    }
}
