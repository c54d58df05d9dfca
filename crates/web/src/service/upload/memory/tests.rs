//! Who is let in, and who may hold how much.
use super::*;
use std::net::IpAddr;
use std::task::Waker;

const MOST: Most = Most {
    bytes: 1000,
    upload: 200,
    reading: 100,
    waiting: 3,
};

fn sender(last: u8) -> Sender {
    Sender::new(Some(IpAddr::from([10, 0, 0, last])))
}

fn poll(hold: &mut Hold, wanted: usize) -> Poll<Result<(), Refused>> {
    hold.poll(&mut Context::from_waker(Waker::noop()), wanted)
}

const HELD: Poll<Result<(), Refused>> = Poll::Ready(Ok(()));

#[test]
fn one_sender_leaves_something_for_others() {
    let memory = Memory::new(MOST);
    // The oldest is nobody's here, so that all others meet the shares.
    let _oldest = memory.enter(sender(9)).unwrap();
    let mut greedy: Vec<Hold> = (0..3).map(|_| memory.enter(sender(1)).unwrap()).collect();
    for hold in &mut greedy {
        assert_eq!(poll(hold, 200), HELD);
    }
    // 600 of the 800 that are not the oldest's: three times what is free.
    let mut more = memory.enter(sender(1)).unwrap();
    assert!(poll(&mut more, 1).is_pending());
    let mut other = memory.enter(sender(2)).unwrap();
    assert_eq!(poll(&mut other, 150), HELD);
    drop(greedy);
    assert_eq!(poll(&mut more, 1), HELD);
}

#[test]
fn the_oldest_upload_always_ends_and_then_the_next_one() {
    let memory = Memory::new(MOST);
    let mut holds: Vec<Hold> = (0..20).map(|_| memory.enter(sender(1)).unwrap()).collect();
    let mut waiting = 0;
    for hold in &mut holds {
        match poll(hold, 100) {
            Poll::Pending => waiting += 1,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(Refused)) => break,
        }
    }
    assert_eq!(waiting, 3, "the crowd is full");
    assert!(!memory.is_open(sender(1)));
    while !holds.is_empty() {
        let mut oldest = holds.remove(0);
        assert_eq!(poll(&mut oldest, 200), HELD);
        oldest.read(200);
    }
    assert_eq!(memory.state().free, MOST.bytes);
    assert!(memory.state().senders.is_empty() && memory.state().waiting.is_empty());
}

#[test]
fn what_was_granted_and_not_taken_is_given_back() {
    let memory = Memory::new(MOST);
    let mut first = memory.enter(sender(1)).unwrap();
    assert_eq!(poll(&mut first, 1000), HELD);
    let mut second = memory.enter(sender(2)).unwrap();
    assert!(poll(&mut second, 50).is_pending());
    drop(first);
    drop(second);
    assert_eq!(memory.state().free, MOST.bytes);
}

#[test]
fn what_is_not_needed_is_given_back_when_the_upload_was_read() {
    let memory = Memory::new(MOST);
    let mut hold = memory.enter(sender(1)).unwrap();
    assert_eq!(poll(&mut hold, 200), HELD);
    hold.read(30);
    assert_eq!(memory.state().free, 970);
}

#[tokio::test(start_paused = true)]
async fn places_to_be_read_are_shared_too() {
    let most = Most { reading: 8, ..MOST };
    let memory = Memory::new(most);
    let _other = memory.enter(sender(2)).unwrap();
    let mut greedy = Vec::new();
    while let Ok(hold) = memory.enter(sender(1)) {
        greedy.push(hold);
    }
    assert_eq!(greedy.len(), 5);
    assert!(!memory.is_open(sender(1)));
    assert!(memory.is_open(sender(2)), "the refusal was of one sender");
    assert!(memory.enter(sender(2)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_comes_alone_may_have_all_places_until_another_comes() {
    let most = Most { reading: 8, ..MOST };
    let memory = Memory::new(most);
    // All visitors of a proxy are one sender.
    let mut visitors: Vec<Hold> = Vec::new();
    while memory.is_open(sender(1)) {
        visitors.push(memory.enter(sender(1)).unwrap());
    }
    assert_eq!(visitors.len(), 8);
    for last in [1, 2] {
        assert!(!memory.is_open(sender(last)) && memory.enter(sender(last)).is_err());
    }
    // The next place is for whoever was refused and comes again when they were asked to.
    visitors.pop();
    tokio::time::advance(REFUSING).await;
    assert!(!memory.is_open(sender(1)) && memory.enter(sender(1)).is_err());
    assert!(memory.is_open(sender(2)));
    let came = memory.enter(sender(2)).unwrap();
    assert!(memory.enter(sender(1)).is_err());
    // Nobody else is there, nor comes any more.
    drop(came);
    tokio::time::advance(EXPECTED).await;
    assert!(memory.is_open(sender(1)) && memory.enter(sender(1)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_is_told_that_there_is_room_is_let_in() {
    let most = Most { reading: 9, ..MOST };
    let memory = Memory::new(most);
    let mut random = tensor::Random::new(7, 0, 0);
    let mut holds: Vec<Hold> = Vec::new();
    for _ in 0..5000 {
        let sender = sender(random.below(4) as u8);
        let open = memory.is_open(sender);
        match memory.enter(sender) {
            Ok(hold) => holds.push(hold),
            Err(Refused) => assert!(!open && !memory.is_open(sender)),
        }
        if random.below(2) == 0 && !holds.is_empty() {
            holds.swap_remove(random.below(holds.len() as u32) as usize);
        }
        tokio::time::advance(Duration::from_millis(u64::from(random.below(900)))).await;
    }
}
