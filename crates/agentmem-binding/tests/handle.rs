//! What conformance cases cannot say of a handle: order, opening, closing, and calls from many threads.

use std::path::PathBuf;
use std::sync::mpsc;

use agentmem_binding::{Handle, Outcome, WireError};
use serde_json::{Value, json};

fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("agentmem-binding-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

fn call(handle: &Handle, operation: &str, arguments: Value) -> Value {
    let answer = handle
        .call(operation, arguments.to_string(), Vec::new())
        .expect("the call succeeds")
        .into_json();
    serde_json::from_str(&answer).expect("an answer is JSON")
}

/// Submits a call and gives where its outcome will arrive.
fn submit(
    handle: &Handle,
    operation: &str,
    arguments: Value,
) -> mpsc::Receiver<Result<Outcome, WireError>> {
    let (sender, receiver) = mpsc::channel();
    handle.submit(
        operation,
        arguments.to_string(),
        Vec::new(),
        None,
        Box::new(move |outcome| sender.send(outcome).unwrap_or_default()),
    );
    receiver
}

#[test]
fn calls_that_are_submitted_write_in_their_order_also_while_the_file_is_being_opened() {
    let folder = folder("order");
    let handle = Handle::new(folder.join("store").to_str(), r#"{"durability": "normal"}"#).unwrap();
    let outcomes: Vec<_> = (0..1000)
        .map(|number| {
            // Every second one is slow to embed, which must not let the next one overtake.
            let content = format!("number {number} {}", "word ".repeat(number % 2 * 200));
            submit(
                &handle,
                "add",
                json!({ "content": content, "options": { "metadata": { "number": number } } }),
            )
        })
        .collect();
    for outcome in outcomes {
        outcome.recv().unwrap().unwrap();
    }
    let records = call(
        &handle,
        "getAll",
        json!({ "options": { "order": "asc" }, "now": 1_767_225_600_000_i64 }),
    );
    // Generated ids grow in the order of adding.
    let mut records: Vec<&Value> = records.as_array().unwrap().iter().collect();
    records.sort_by_key(|record| record[0].as_str());
    let numbers: Vec<_> = records
        .iter()
        .filter_map(|record| record[7]["number"].as_i64())
        .collect();
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    handle.close();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_failed_opening_is_told_to_each_call_and_a_later_one_tries_again() {
    let folder = folder("again");
    let missing = folder.join("missing");
    let handle = Handle::new(missing.join("store").to_str(), "{}").unwrap();
    for outcome in [
        submit(&handle, "count", json!({})),
        submit(&handle, "add", json!({ "content": "tea" })),
    ] {
        let error = outcome.recv().unwrap().unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), ("IO", Some("path")));
    }
    assert_eq!(
        handle.call("count", "{}", Vec::new()).unwrap_err().code,
        "IO"
    );
    std::fs::create_dir(&missing).unwrap();
    assert_eq!(
        submit(&handle, "count", json!({})).recv().unwrap().unwrap(),
        Outcome::Count(0)
    );
    handle.close();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_memory_can_be_closed_as_soon_as_its_opening_is_told() {
    for _ in 0..200 {
        let handle = Handle::new(None, "{}").unwrap();
        let (sender, receiver) = mpsc::channel();
        handle.submit_open(Box::new(move |outcome| sender.send(outcome).unwrap()));
        receiver.recv().unwrap().unwrap();
        handle.close();
        assert_eq!(
            handle.call("count", "{}", Vec::new()).unwrap_err().code,
            "CLOSED"
        );
    }
}

#[test]
fn close_waits_for_the_calls_under_way_and_refuses_later_ones() {
    let folder = folder("close");
    let path = folder.join("store");
    let handle = Handle::new(path.to_str(), "{}").unwrap();
    let view = handle.scoped(r#"{"userId": "ada"}"#).unwrap();
    let outcomes: Vec<_> = (0..100)
        .map(|_| submit(&view, "add", json!({ "content": "tea" })))
        .collect();
    let closing: Vec<_> = (0..2)
        .map(|_| {
            let (sender, receiver) = mpsc::channel();
            handle.submit_close(Box::new(move |outcome| sender.send(outcome).unwrap()));
            receiver
        })
        .collect();
    assert_eq!(
        submit(&view, "count", json!({}))
            .recv()
            .unwrap()
            .unwrap_err()
            .code,
        "CLOSED"
    );
    assert_eq!(
        view.scoped(r#"{"runId": "monday"}"#)
            .err()
            .map(|error| error.code),
        Some("CLOSED")
    );
    for closed in closing {
        closed.recv().unwrap().unwrap();
        assert!(
            !folder.join("store-wal").exists(),
            "the file is closed when close says so"
        );
    }
    assert!(
        outcomes
            .into_iter()
            .all(|outcome| outcome.recv().unwrap().is_ok())
    );
    handle.close();

    let again = Handle::open(path.to_str(), r#"{"create": false}"#).unwrap();
    assert_eq!(
        call(&again, "count", json!({ "options": { "userId": "ada" } })),
        100
    );
    drop((handle, view, again));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_call_that_is_given_up_while_it_waits_is_not_done_and_makes_room_for_another() {
    let handle = Handle::open(None, r#"{"maxQueued": 2}"#).unwrap();
    let add = |id: &str, done: agentmem_binding::Done| {
        let arguments = json!({ "content": "tea", "options": { "id": id } });
        handle.submit("add", arguments.to_string(), vec![], None, done)
    };
    let told = |id: &str| {
        let (sender, receiver) = mpsc::channel();
        let code = |outcome: Result<Outcome, WireError>| outcome.map(drop).map_err(|e| e.code);
        let call = add(
            id,
            Box::new(move |outcome| sender.send(code(outcome)).unwrap()),
        );
        (call, receiver)
    };
    // The thread that tells of the first, which counts no more, commits for all, and stands still.
    let (stands, stood) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    let first = add(
        "first",
        Box::new(move |outcome| {
            stands.send(outcome.is_ok()).unwrap();
            waits.recv().unwrap();
        }),
    );
    assert!(stood.recv().unwrap());
    let (second, second_told) = told("second");
    let (_third, third_told) = told("third");
    assert_eq!(told("one too many").1.recv().unwrap(), Err("LIMIT"));
    first.cancel();
    second.cancel();
    second.cancel();
    assert_eq!(second_told.recv().unwrap(), Err("CANCELLED"));
    let (fourth, fourth_told) = told("fourth");
    go.send(()).unwrap();
    assert_eq!(third_told.recv().unwrap(), Ok(()));
    assert_eq!(fourth_told.recv().unwrap(), Ok(()));
    fourth.cancel();
    assert_eq!(
        handle.call("count", "{}", vec![]).unwrap(),
        Outcome::Count(3)
    );
    assert_eq!(
        handle.call("get", r#"{"id": "second"}"#, vec![]).unwrap(),
        Outcome::Nothing
    );
    handle.close();
}

#[test]
fn who_has_heard_the_outcome_of_a_call_has_room_for_another() {
    let handle = Handle::open(None, r#"{"maxQueued": 1}"#).unwrap();
    for _ in 0..2000 {
        for (operation, arguments) in [("add", json!({ "content": "tea" })), ("stats", json!({}))] {
            submit(&handle, operation, arguments)
                .recv()
                .unwrap()
                .unwrap();
        }
    }
}

#[test]
fn calls_that_are_given_up_while_the_file_is_being_opened_leave_it_closable() {
    let folder = folder("given-up");
    let path = folder.join("store");
    for round in 0..20 {
        let handle = Handle::new(path.to_str(), "{}").unwrap();
        let outcomes: Vec<_> = (0..50)
            .map(|n| {
                let (sender, receiver) = mpsc::channel();
                let id = format!("{round}-{n}");
                let arguments = json!({ "content": "tea", "options": { "id": id } });
                let done = move |outcome: Result<Outcome, WireError>| sender.send(outcome).unwrap();
                handle
                    .submit("add", arguments.to_string(), vec![], None, Box::new(done))
                    .cancel();
                (id, receiver)
            })
            .collect();
        handle.close();
        let again = Handle::open(path.to_str(), "{}").unwrap();
        for (id, outcome) in outcomes {
            let is_there = call(&again, "get", json!({ "id": id })) != Value::Null;
            match outcome.recv().unwrap() {
                Ok(_) => assert!(is_there),
                Err(error) => assert_eq!((error.code, is_there), ("CANCELLED", false)),
            }
        }
        again.close();
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn faults_of_a_message_are_located_in_it() {
    let handle = Handle::open(None, "{}").unwrap();
    let field = |operation: &str, arguments: Value| {
        let error = handle
            .call(operation, arguments.to_string(), Vec::new())
            .unwrap_err();
        assert_eq!(error.code, "INVALID_ARGUMENT", "{error}");
        error.field.unwrap()
    };
    assert_eq!(
        field(
            "add",
            json!({ "content": { "role": "user", "content": " " } })
        ),
        "content.content"
    );
    assert_eq!(
        field(
            "add",
            json!({ "content": { "role": "", "content": "tea" } })
        ),
        "content.role"
    );
    assert_eq!(
        field(
            "add",
            json!({ "content": { "role": "user", "content": "tea" }, "options": { "name": "" } })
        ),
        "name"
    );
    let items = json!([{ "content": "tea" }, { "content": { "role": "user", "content": "tea", "name": " " } }]);
    assert_eq!(
        field("addMany", json!({ "items": items })),
        "items[1].content.name"
    );
    // The default of an item that has its own value is checked all the same.
    let (items, defaults) = (
        json!([{ "content": "tea", "role": "user" }]),
        json!({ "role": "" }),
    );
    assert_eq!(
        field("addMany", json!({ "items": items, "defaults": defaults })),
        "defaults.role"
    );
    assert_eq!(
        handle.call("count", "{}", Vec::new()).unwrap(),
        Outcome::Count(0)
    );
}

#[test]
fn numbers_come_back_as_the_same_doubles() {
    let handle = Handle::open(None, "{}").unwrap();
    let numbers = [
        0.1,
        5e-324,
        2.225_073_858_507_201e-308,
        1.0 / 3.0,
        123_456_789.123_456_78,
    ];
    let added = call(
        &handle,
        "add",
        json!({ "content": "tea", "options": { "metadata": { "numbers": numbers }, "importance": 0.1 + 0.2 } }),
    );
    let stored: Vec<f64> = added[7]["numbers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_f64().unwrap())
        .collect();
    assert_eq!(stored, numbers);
    assert_eq!(added[8].as_f64(), Some(0.1 + 0.2));
}

#[test]
fn a_memory_that_is_dropped_is_closed_once_its_calls_are_done() {
    let folder = folder("drop");
    let path = folder.join("store");
    let handle = Handle::new(path.to_str(), "{}").unwrap();
    let outcome = submit(&handle, "add", json!({ "content": "tea" }));
    drop(handle);
    outcome.recv().unwrap().unwrap();
    // Another engine is made for the file, or the last one is shared: either way the record is there.
    assert_eq!(
        call(
            &Handle::open(path.to_str(), "{}").unwrap(),
            "count",
            json!({})
        ),
        1
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_takes_a_moment_is_answered_where_it_is_asked_and_all_else_is_left_to_be_submitted() {
    let folder = folder("at-once");
    let handle = Handle::new(folder.join("store").to_str(), r#"{"maxQueued": 1}"#).unwrap();
    let (get, search) = (r#"{"id": "it"}"#, r#"{"query": "tea"}"#);
    let ask =
        |operation: &str, arguments: &str| handle.try_call(operation, arguments, vec![], None);
    // Nothing is opened for it.
    assert_eq!(ask("get", get), None);
    let add = json!({ "content": "tea", "options": { "id": "it" } });
    submit(&handle, "add", add).recv().unwrap().unwrap();
    for (operation, arguments) in [("get", get), ("search", search)] {
        assert_eq!(ask(operation, arguments), None);
        let answer = handle.call(operation, arguments, vec![]);
        assert_eq!(ask(operation, arguments), Some(answer));
    }
    let never = [
        ("add", r#"{"content": "milk"}"#),
        ("count", "{}"),
        ("history", get),
        ("unknown", "{}"),
    ];
    for (operation, arguments) in never {
        assert_eq!(ask(operation, arguments), None);
    }
    let code = |arguments: &str, now| {
        let answer = handle.try_call("get", arguments, vec![], now);
        let error = answer.unwrap().unwrap_err();
        (error.code, error.field)
    };
    let invalid = |field: &str| ("INVALID_ARGUMENT", Some(field.to_owned()));
    assert_eq!(code(r#"{"id": ""}"#, None), invalid("id"));
    assert_eq!(code(get, Some(-1)), invalid("clock"));

    // It counts towards `maxQueued` as every call does.
    let (stands, stood) = mpsc::channel();
    let (go, waits) = mpsc::channel::<()>();
    let opened = Handle::new(None, r#"{"maxQueued": 1}"#).unwrap();
    opened.submit_open(Box::new(move |_| {
        stands.send(()).unwrap();
        waits.recv().unwrap();
    }));
    stood.recv().unwrap();
    let waiting = submit(&opened, "count", json!({}));
    assert_eq!(
        opened
            .try_call("get", get, vec![], None)
            .unwrap()
            .unwrap_err()
            .code,
        "LIMIT"
    );
    go.send(()).unwrap();
    waiting.recv().unwrap().unwrap();
    opened.close();

    handle.close();
    assert_eq!(code(get, None), ("CLOSED", None));
    std::fs::remove_dir_all(folder).unwrap();
}
