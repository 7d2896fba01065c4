//! The queue of writes: places, and what becomes of them.

#[path = "support/folder.rs"]
mod folder;

use std::sync::mpsc;

use agentmem_core::{
    Change, Code, Expiry, GetAll, Memory, NewRecord, Options, Order, Request, Select,
};
use folder::Folder;

fn open(folder: &Folder) -> Memory {
    Memory::open(folder.file(), Options::default()).expect("the file opens")
}

#[test]
fn queued_writes_keep_the_order_of_calls_whatever_thread_hands_them_in_first() {
    let memory = Memory::new().expect("it opens");
    let places: Vec<_> = (0..100)
        .map(|_| memory.queue().expect("there is room"))
        .collect();
    let (sender, receiver) = mpsc::channel();
    for (n, place) in places.into_iter().enumerate().rev() {
        let sender = sender.clone();
        place.submit(
            Request::Add(Box::new(NewRecord::from(format!("note {n}")))),
            move |done| {
                sender.send(done.map(|_| n)).expect("the test waits");
            },
        );
    }
    let order: Vec<usize> = receiver
        .iter()
        .take(100)
        .map(|done| done.expect("it is added"))
        .collect();
    assert_eq!(order, (0..100).collect::<Vec<_>>());
    let all = memory
        .get_all(GetAll {
            order: Order::Asc,
            ..GetAll::default()
        })
        .expect("it lists");
    // Equal times are ordered by adding only if the clock stood still, so look at the generated ids, which only grow.
    let mut by_id: Vec<_> = all
        .iter()
        .map(|record| (record.id.clone(), record.content.clone()))
        .collect();
    by_id.sort();
    assert!(
        by_id
            .iter()
            .enumerate()
            .all(|(n, (_, content))| *content == format!("note {n}"))
    );
}

#[test]
fn a_place_that_is_given_up_or_fails_its_check_holds_nobody_up() {
    let memory = Memory::new().expect("it opens");
    let (first, second, third) = (memory.queue(), memory.queue(), memory.queue());
    let (sender, receiver) = mpsc::channel();
    let add = |content: &str| Request::Add(Box::new(NewRecord::from(content)));
    let tell = |sender: &mpsc::Sender<_>| {
        let sender = sender.clone();
        move |done: agentmem_core::Result<_>| {
            sender
                .send(done.map(drop).map_err(|error| error.code()))
                .expect("the test waits")
        }
    };
    third
        .expect("there is room")
        .submit(add("waits"), tell(&sender));
    second
        .expect("there is room")
        .submit(add(" "), tell(&sender));
    assert_eq!(
        receiver.recv().expect("it fails at once"),
        Err(Code::InvalidArgument)
    );
    drop(first);
    assert_eq!(
        receiver
            .recv()
            .expect("it is added once the first is given up"),
        Ok(())
    );
}

#[test]
fn a_write_that_is_withdrawn_before_its_turn_is_not_written_and_holds_nobody_up() {
    let memory = Memory::new().expect("it opens");
    let places: Vec<_> = (0..4)
        .map(|_| memory.queue().expect("there is room"))
        .collect();
    let withdrawals: Vec<_> = places.iter().map(|place| place.withdrawal()).collect();
    let (sender, receiver) = mpsc::channel();
    let mut submits = places.into_iter().enumerate().map(|(n, place)| {
        let sender = sender.clone();
        let add = Request::Add(Box::new(NewRecord::from(format!("note {n}"))));
        move || {
            place.submit(add, move |done| {
                let told = (n, done.map(drop).map_err(|error| error.code()));
                sender.send(told).expect("the test waits");
            });
        }
    });
    let mut next = || submits.next().expect("there are four");
    let (first, second, third, fourth) = (next(), next(), next(), next());
    // They wait for the first: one is withdrawn after it was handed in, one before.
    second();
    assert!(withdrawals[1].withdraw());
    assert_eq!(receiver.try_recv(), Ok((1, Err(Code::Cancelled))));
    assert!(withdrawals[2].withdraw());
    third();
    assert_eq!(receiver.try_recv(), Ok((2, Err(Code::Cancelled))));
    fourth();
    first();
    assert_eq!(receiver.try_recv(), Ok((0, Ok(()))));
    assert_eq!(receiver.try_recv(), Ok((3, Ok(()))));
    // What has had its turn cannot be withdrawn.
    assert!(!withdrawals.iter().any(|one| one.withdraw()));
    assert_eq!(memory.count(Select::default()).expect("it counts"), 2);
    drop(memory);
    assert!(!withdrawals[0].withdraw());
}

#[test]
fn a_failed_write_undoes_nothing_of_the_others_in_its_group() {
    let folder = Folder::new("group");
    let memory = open(&folder);
    memory
        .add(NewRecord {
            id: Some("taken".into()),
            ..NewRecord::from("first")
        })
        .expect("it is added");
    let places: Vec<_> = (0..30)
        .map(|_| memory.queue().expect("there is room"))
        .collect();
    let (sender, receiver) = mpsc::channel();
    for (n, place) in places.into_iter().enumerate().rev() {
        let sender = sender.clone();
        let id = (n % 3 == 0).then(|| "taken".to_owned());
        place.submit(
            Request::Add(Box::new(NewRecord {
                id,
                ..NewRecord::from(format!("note {n}"))
            })),
            move |done| {
                sender
                    .send(done.map(drop).map_err(|error| error.code()))
                    .expect("the test waits");
            },
        );
    }
    let outcomes: Vec<_> = receiver.iter().take(30).collect();
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Err(Code::AlreadyExists))
            .count(),
        10
    );
    assert_eq!(memory.count(Select::default()).expect("it counts"), 21);
}

#[test]
fn the_log_of_a_group_has_its_writes_in_their_order_whatever_they_are() {
    let folder = Folder::new("mixed");
    let memory = open(&folder);
    let record = |id: &str| NewRecord {
        id: Some(id.to_owned()),
        ..NewRecord::from(format!("note of {id}"))
    };
    let expiring = || NewRecord {
        expiry: Expiry::Ttl(0.0),
        ..record("g")
    };
    let add = |id: &str| Request::Add(Box::new(record(id)));
    let many = |ids: &[&str]| Request::AddMany(ids.iter().map(|id| record(id)).collect());
    let change = Change {
        content: Some("another note".to_owned()),
        ..Change::default()
    };
    let other = NewRecord::from("the id is taken");
    let taken = NewRecord {
        id: Some("b".to_owned()),
        ..other
    };
    let requests = vec![
        add("a"),
        add("b"),
        Request::Delete("a".to_owned()),
        Request::AddMany(vec![record("c"), record("d"), taken]),
        many(&["e", "f"]),
        add("a"),
        Request::Update("b".to_owned(), change),
        Request::Purge("e".to_owned()),
        Request::Add(Box::new(expiring())),
        add("g"),
        add("b"),
        add("h"),
    ];
    let queue = |request| (memory.queue().expect("there is room"), request);
    let places: Vec<_> = requests.into_iter().map(queue).collect();
    let (sender, receiver) = mpsc::channel();
    // The first one last: it commits all of them.
    for (n, (place, request)) in places.into_iter().enumerate().rev() {
        let sender = sender.clone();
        place.submit(request, move |done| {
            let told = (n, done.map(drop).map_err(|error| error.code()));
            sender.send(told).expect("the test waits");
        });
    }
    let failed: Vec<_> = receiver
        .iter()
        .take(12)
        .filter(|(_, done)| done.is_err())
        .collect();
    // Adding "b" once more is a retry, though it has been changed since.
    assert_eq!(failed, [(3, Err(Code::AlreadyExists))]);
    let events = memory.changes(0, None).expect("it tells");
    let told: Vec<(i64, &str, &str)> = events
        .iter()
        .map(|event| (event.seq, event.kind.as_str(), event.id.as_str()))
        .collect();
    let expected = [
        (1, "ADD", "a"),
        (2, "ADD", "b"),
        (3, "DELETE", "a"),
        (5, "ADD", "f"),
        (6, "ADD", "a"),
        (7, "UPDATE", "b"),
        (8, "PURGE", "e"),
        (9, "ADD", "g"),
        (10, "ADD", "g"),
        (11, "ADD", "h"),
    ];
    assert_eq!(told, expected);
    assert_eq!(memory.verify().expect("it looks"), []);
}
