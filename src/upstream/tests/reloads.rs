//! What is known of servers and groups from one generation to the next.

use std::time::Duration;

use super::*;

/// The group of servers at these ports in a generation of its own.
fn built(ports: &[u16], identities: &mut Identities) -> Group {
    identities.begin();
    let address = |port: &u16| Address::Name { host: "app".into(), port: *port };
    let addresses: Vec<Address> = ports.iter().map(address).collect();
    Group::new("app", Protocol::Http, &addresses, identities)
}

/// The share of a server that gets back the whole in an hour.
fn share(server: &Server) -> u32 {
    server.health.share(Duration::from_secs(3600), crate::base::Clock::new().now())
}

#[test]
fn a_server_that_comes_back_is_new_in_its_group_though_sessions_still_have_it() {
    let mut identities = Identities::default();
    let first = built(&[1, 2], &mut identities);
    identities.settle(true);
    first.servers[1].health.mark(Millis::NEVER);
    let seats = &first.servers[1].seats;
    seats.sit();
    let without = built(&[1], &mut identities);
    identities.settle(true);
    let again = built(&[1, 2], &mut identities);
    identities.settle(true);
    let [stayed, back] = again.servers.as_slice() else { panic!("two servers") };
    assert!(!back.health.is_marked(Millis(1)));
    assert_eq!((share(stayed), share(back)), (100, 10));
    assert_eq!((back.id, back.seats.taken()), (first.servers[1].id, 1), "its sessions still count");
    assert_eq!(again.id, without.id);
}

#[test]
fn nothing_stays_of_a_generation_that_was_refused() {
    let mut identities = Identities::default();
    let _followed = built(&[1, 2], &mut identities);
    identities.settle(true);
    let refused = built(&[1, 3], &mut identities);
    let (id, health) =
        (refused.servers[1].id, std::sync::Arc::downgrade(&refused.servers[1].health));
    drop(refused);
    identities.settle(false);
    assert!(health.upgrade().is_none());
    let group = built(&[1, 2, 4], &mut identities);
    assert_eq!(group.servers[2].id.index(), id.index(), "the number is given out again");
    assert_ne!(group.servers[2].id, id);
    assert_eq!((share(&group.servers[1]), share(&group.servers[2])), (100, 10));
}

#[test]
fn numbers_are_as_many_as_there_were_servers_at_once() {
    let mut identities = Identities::default();
    let mut state = State::new(0);
    let mut group = built(&[0], &mut identities);
    for port in 1..1000 {
        let next = built(&[port], &mut identities);
        state.report(&group.servers[0], Outcome::Failed, Millis(0));
        assert!(state.is_marked(&group.servers[0], Millis(0)));
        group = next;
        identities.settle(true);
        assert!(group.servers[0].id.index() <= 1);
        assert!(!state.is_marked(&group.servers[0], Millis(0)), "what another did is not its own");
    }
}
