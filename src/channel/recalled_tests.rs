//! Streams as an engine has them, and what is read out of them.

use super::*;
use crate::proto::instances::{begin_packet, put_frame, put_said};

const ME: InstanceId = [9; 16];

/// Instance `who` said its `number` after `before`, with an id.
fn entry(who: u8, number: u64, before: u64, id: u64, at: u64) -> (u64, Vec<u8>) {
    let mut bytes = Vec::new();
    begin_packet(&[who; 16], before, id, &mut bytes);
    put_said(number, Kind::Text, (10, None), "a", b"hello", &mut bytes);
    (at, bytes)
}

fn read(entries: Vec<(u64, Vec<u8>)>) -> Vec<(u64, bool, bool)> {
    let (story, strange) = recalled(ME, "a", entries);
    assert_eq!(strange, 0);
    story.iter().map(|one| (one.id, one.sure, one.hole)).collect()
}

#[test]
fn what_was_said_again_is_there_once_and_what_is_missing_is_seen() {
    let one = |number, before| entry(1, number, before, number * 10, number);
    let all = vec![one(3, 2), one(4, 3), one(3, 2), one(4, 3), one(5, 4), one(7, 6), one(8, 0)];
    assert_eq!(
        read(all),
        [
            (30, true, false),
            (40, true, false),
            (50, true, false),
            (70, true, true),
            (80, true, true)
        ]
    );
}

#[test]
fn of_two_at_about_the_same_time_nobody_knows_who_has_heard_what() {
    let far = AROUND + 1;
    let all = vec![
        entry(1, 1, 0, 10, 0),
        entry(2, 1, 0, 20, far),
        entry(2, 2, 1, 30, 2 * far),
        entry(1, 2, 1, 40, 2 * far + 5),
        entry(1, 3, 2, 50, 2 * far + 6),
        entry(1, 4, 3, 60, 4 * far),
    ];
    let sure: Vec<bool> = read(all).into_iter().map(|(_, sure, _)| sure).collect();
    assert_eq!(sure, [true, true, false, false, false, true]);
}

#[test]
fn clocks_that_go_differently_leave_an_order_of_ids_and_doubt() {
    let far = AROUND + 1;
    let all = vec![entry(1, 1, 0, 90, 0), entry(2, 1, 0, 20, far), entry(1, 2, 1, 100, 2 * far)];
    assert_eq!(read(all), [(20, false, false), (90, false, false), (100, true, false)]);
}

#[test]
fn ours_is_told_from_that_of_others_and_what_is_strange_is_counted() {
    let mut other = Vec::new();
    begin_packet(&[1; 16], 0, 0, &mut other);
    put_frame(&Frame::Ping, &mut other);
    let mut unkept = Vec::new();
    begin_packet(&[1; 16], 0, 5, &mut unkept);
    put_said(1, Kind::Text, (0, None), "a", b"", &mut unkept);
    let all = vec![entry(9, 1, 0, 10, 0), (0, b"hello".to_vec()), (0, other), (0, unkept)];
    let (story, strange) = recalled(ME, "a", all);
    assert_eq!((story.len(), strange), (1, 3));
    assert_eq!(story[0].from, None);
    let (story, strange) = recalled(ME, "b", vec![entry(1, 1, 0, 10, 0)]);
    assert_eq!((story.len(), strange), (0, 1), "that is another channel");
}
