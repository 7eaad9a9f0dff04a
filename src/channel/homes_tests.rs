//! What is kept of channels, and what those who come back are told.

use super::super::publication::Keep;
use super::*;
use crate::proto::ws::Kind;

fn say(homes: &mut Homes, channel: &str, keep: Keep, now: u64) -> u64 {
    let payload: Arc<[u8]> = vec![b'x'; 40].into();
    let saying = Saying { channel: channel.into(), kind: Kind::Text, payload, keep };
    homes.publish(saying, now).0.id
}

fn story(homes: &mut Homes, channel: &str, since: u64, now: u64) -> (Vec<u64>, bool) {
    match homes.story(channel, since, now) {
        Answer::Story { kept, gap } => (kept.iter().map(|one| one.id).collect(), gap),
        other => panic!("{other:?}"),
    }
}

const LAST_3: Keep = Keep { messages: 3, age: None };
const SECOND: Keep = Keep { messages: 1000, age: Some(1000) };

#[test]
fn ids_grow_also_where_the_clock_does_not() {
    let mut homes = Homes::new(1, 1 << 20, 0);
    let first = say(&mut homes, "a", Keep::default(), 5);
    assert_eq!(first, 5000);
    assert_eq!(say(&mut homes, "b", Keep::default(), 5), 5001);
    assert_eq!(say(&mut homes, "a", Keep::default(), 3), 5002);
    assert!(homes.is_empty(), "nobody has joined, and nothing is to be kept");
}

#[test]
fn the_last_messages_are_kept_and_a_gap_is_told() {
    let mut homes = Homes::new(1, 1 << 20, 0);
    let ids: Vec<u64> = (0..5).map(|now| say(&mut homes, "a", LAST_3, now)).collect();
    assert_eq!(story(&mut homes, "a", ids[1], 5), (ids[2..].to_vec(), false));
    assert_eq!(story(&mut homes, "a", ids[3], 5), (ids[4..].to_vec(), false));
    assert_eq!(story(&mut homes, "a", ids[4], 5), (Vec::new(), false));
    assert_eq!(story(&mut homes, "a", ids[0], 5), (ids[2..].to_vec(), true));
    assert_eq!(story(&mut homes, "b", ids[0], 5), (Vec::new(), true), "nothing is known of it");
}

#[test]
fn what_is_too_old_goes() {
    let mut homes = Homes::new(1, 1 << 20, 1);
    let first = say(&mut homes, "a", SECOND, 1000);
    let second = say(&mut homes, "a", SECOND, 1500);
    assert_eq!(story(&mut homes, "a", 0, 2000), (vec![first, second], true));
    assert_eq!(story(&mut homes, "a", first, 2001), (vec![second], false));
    say(&mut homes, "b", Keep::default(), 9000);
    assert!(homes.is_empty());
    assert!(homes.order.is_empty());
}

#[test]
fn memory_is_bounded_over_all_channels() {
    let mut homes = Homes::new(1, 10 * (OVERHEAD + 40), 0);
    for now in 0..100 {
        say(&mut homes, ["a", "b", "c"][now as usize % 3], SECOND, now);
        assert!(homes.kept <= 10 * (OVERHEAD + 40));
    }
    assert_eq!(homes.messages, 10);
    let all = ["a", "b", "c"].map(|name| story(&mut homes, name, 0, 100));
    assert_eq!(all.iter().map(|(ids, _)| ids.len()).sum::<usize>(), 10);
    assert!(all.iter().all(|(_, gap)| *gap));
    homes.keep_at_most(0);
    assert!(homes.is_empty());
}

#[test]
fn one_that_stays_does_not_hold_up_what_has_gone() {
    let mut homes = Homes::new(1, 1 << 20, 0);
    say(&mut homes, "stays", LAST_3, 1);
    for now in 0..1000 {
        say(&mut homes, "busy", LAST_3, now);
    }
    assert_eq!(homes.messages, 4);
    assert!(homes.order.len() <= 2 * 4 + 65, "{}", homes.order.len());
}
