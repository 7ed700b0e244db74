//! Batches of events.

use super::*;

fn event(bytes: usize) -> Event {
    let event = Event { detail_type: "Test", at: Timestamp::UNIX_EPOCH, detail: String::new() };
    let detail = "x".repeat(bytes - event.bytes());
    Event { detail, ..event }
}

#[test]
fn a_call_takes_ten_events_and_no_more_bytes_than_it_may() {
    let cases = [
        ("none", vec![], vec![]),
        ("ten", vec![event(100); 10], vec![10]),
        ("eleven", vec![event(100); 11], vec![10, 1]),
        ("as large as may be together", vec![event(125_000); 2], vec![2]),
        ("too large together", vec![event(125_001); 2], vec![1, 1]),
        ("one that is too large goes alone", vec![event(100), event(300_000), event(100)], vec![1, 1, 1]),
    ];
    for (name, events, expected) in cases {
        let found: Vec<usize> = batches(&events).iter().map(|batch| batch.len()).collect();
        assert_eq!(found, expected, "{name}");
    }
}
