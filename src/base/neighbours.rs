//! Whose connections something holds for.

use std::net::IpAddr;

use super::Network;

/// Other ends of connections: none, at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Those with addresses of these networks.
    pub networks: Vec<Network>,
    /// Those of unix sockets, which have no address.
    pub unix: bool,
    /// All of them.
    pub any: bool,
}

impl Neighbours {
    /// Whether one of this address is among them; `None`: over a unix socket.
    pub fn hold(&self, ip: Option<IpAddr>) -> bool {
        self.any
            || match ip {
                Some(ip) => self.networks.iter().any(|network| network.contains(ip)),
                None => self.unix,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_among_them_who_was_not_named() {
        let networks = vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let named = Neighbours { networks, ..Neighbours::default() };
        let unix = Neighbours { unix: true, ..Neighbours::default() };
        let any = Neighbours { any: true, ..Neighbours::default() };
        for (ip, holds) in [
            (Some("10.1.2.3"), [false, true, false, true]),
            (Some("::ffff:10.1.2.3"), [false, true, false, true]),
            (Some("11.1.2.3"), [false, false, false, true]),
            (Some("::1"), [false, true, false, true]),
            (None, [false, false, true, true]),
        ] {
            let ip = ip.map(|ip| ip.parse().unwrap());
            let found = [&Neighbours::default(), &named, &unix, &any].map(|all| all.hold(ip));
            assert_eq!(found, holds, "{ip:?}");
        }
    }
}
